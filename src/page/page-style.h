/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The style of the page: page.css, taken into the program as it is. */
#ifndef BOOTSHIFT_PAGE_PAGE_STYLE_H
#define BOOTSHIFT_PAGE_PAGE_STYLE_H

/* Nothing in it ends a <style> element. */
extern const char page_style[] __attribute__((visibility("hidden")));

#endif
