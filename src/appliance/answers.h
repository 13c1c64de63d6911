/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers the requests of request.h with libguestfs. */
#ifndef BOOTSHIFT_APPLIANCE_ANSWERS_H
#define BOOTSHIFT_APPLIANCE_ANSWERS_H

#include "appliance/guestfs.h"
#include "appliance/request.h"

/* The virtual machine runs.  A failed request becomes an answer with an error. */
void answers_make(struct guestfs *guestfs, const struct appliance_request *request,
		  struct appliance_answer *answer);

#endif
