/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The steps of the library's commands on one image.  engine.c has the table that says which command
 * has which steps, in which order.  The steps stand in steps-fix.c, steps-undo.c, steps-verify.c and
 * changes.c.
 */
#ifndef BOOTSHIFT_ENGINE_STEPS_H
#define BOOTSHIFT_ENGINE_STEPS_H

#include "engine/appliance-view.h"
#include "engine/container.h"
#include "engine/options.h"
#include "engine/session.h"
#include "windows/recheck.h"

enum engine_command {
	ENGINE_INSPECT = 1,
	ENGINE_PLAN = 2,
	ENGINE_FIX = 4,
	ENGINE_UNDO = 8,
	ENGINE_RECOVER = 16,
	ENGINE_FORESEE = 32, /* rehearses an undo */
	ENGINE_BOOT = 64,
	ENGINE_VERIFY = 128,
	ENGINE_ACCEPT = 256,
	ENGINE_FORESEE_ACCEPT = 512, /* rehearses an accept */
	ENGINE_CHANGES = 1024,       /* what a fix wrote */
	ENGINE_BEFORE = 2048,        /* rehearses a fix of the disk as it was before its fix */
};

#define ENGINE_REHEARSE  (ENGINE_PLAN | ENGINE_FIX)
#define ENGINE_LOOK      (ENGINE_INSPECT | ENGINE_REHEARSE)
#define ENGINE_TAKE_BACK (ENGINE_UNDO | ENGINE_RECOVER)
#define ENGINE_ACCEPTS   (ENGINE_ACCEPT | ENGINE_FORESEE_ACCEPT)
#define ENGINE_RETELL    (ENGINE_CHANGES | ENGINE_BEFORE)
#define ENGINE_ALL                                                                                 \
	(ENGINE_LOOK | ENGINE_TAKE_BACK | ENGINE_FORESEE | ENGINE_BOOT | ENGINE_VERIFY |           \
	 ENGINE_ACCEPTS | ENGINE_RETELL)

/* A command on one image. */
struct engine {
	enum engine_command command;
	const char *image;
	const struct bs_options *options;
	const struct bs_plan *expected; /* the only plan to carry out, or to verify; NULL: any */
	struct bs_result *result;
	enum bs_status success; /* the result's status if no step fails */
	const char
		*child; /* ENGINE_FIX: a child of the image, which is not changed then; or NULL */
	struct container container;
	struct session *session;    /* of the first worker; NULL before and after */
	struct appliance_view view; /* what an appliance sees; all zeros without one */
	struct session_findings findings;
	struct range_vector zones; /* in bytes of the container */
	bool verified;             /* what a commit would write */
	bool as_left; /* ENGINE_ACCEPT: the image's bytes are proven to be those that the fix left */
	bool signature_alone;      /* the fix wrote only to the first sector of the guest's disk */
	bool fits_nothing;         /* nothing of what the fix wrote is in the image */
	struct bs_error no_record; /* why nothing is known of a fix; BS_OK: it is known */
};

/* Returns 0, or -1 with *err set.  `err` is the error in the result. */
typedef int step_function(struct engine *engine, struct bs_error *err);

/* steps-fix.c */
step_function step_hold_signals, step_open, step_check_writable, step_lay, step_inspect, step_prove,
	step_stage, step_end_worker, step_relations, step_refuse, step_settle, step_verify,
	step_second_opinion, step_start_as_is, step_start, step_locate_zones, step_stop,
	step_compare_plan, step_no_undo_file, step_check_room, step_commit;

/* steps-undo.c */
step_function step_undo_file, step_no_children, step_undo, step_foresee_undo, step_recovered;

/* steps-verify.c */
step_function step_read_record, step_recheck, step_second_recheck, step_judge_fix,
	step_judge_accept, step_accept;

/* changes.c */
step_function step_list_writes;

/* ---- engine.c ------------------------------------------------------------------------------- */

/* Begins a call of the library: takes the caller's options.  On error, the result has it. */
MUST_CHECK bool engine_take_options(const struct bs_options *given, struct teller *teller,
				    struct bs_options *taken, struct bs_result *result);

/* Runs a command on one image, and sets *result, which may have any content before. */
enum bs_exit engine_run(enum engine_command command, const char *image,
			const struct bs_options *options, const struct bs_plan *expected,
			struct bs_result *result);

/* Sets the result's status after a failure: the class of the error code decides. */
enum bs_exit engine_fail(struct bs_result *result);

/* Whether the worker has found that a fix applies. */
bool engine_is_fixable(const struct engine *engine);

/* Completes the inspection in the result with what is known of the container. */
void engine_describe_container(const struct engine *engine);

/*
 * Returns -1 with BS_INTERRUPTED if the caller has cancelled the command, or holds signals and one has
 * come, otherwise `outcome`.
 * The same signal may have ended the worker process: a terminal sends signals to both.
 */
MUST_CHECK int engine_check_interruption(struct bs_error *err, int outcome);

/* ---- for several steps ---------------------------------------------------------------------- */

/*
 * Sets *disk to the container's disk for a task and, if `needed` is true, gives the task the
 * appliance, which is started if there is none yet.  After the task, the caller closes the view.
 */
MUST_CHECK int engine_lend_appliance(struct engine *engine, bool needed, struct worker_task *task,
				     struct disk **disk, struct bs_error *err);

/*
 * Tells in the result what the header of an undo file says: when it was made, by which version, and
 * for whom.  If there is no such file, the result stays.
 */
MUST_CHECK int engine_read_undo_file(const struct engine *engine, const char *path,
				     struct bs_error *err);

/*
 * Finds out from the undo file whether the fix moved no files.  Such a fix wrote only to the first
 * sector of the guest's disk.  Notes in *found if that sector is not as the fix left it.
 */
MUST_CHECK int engine_look_for_signature(struct engine *engine, struct differences *found,
					 struct bs_error *err);

#endif
