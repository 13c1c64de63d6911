/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The main program of a folder of tests.  $T, if set, selects the tests whose names contain it.
 * With $TEST_SHARE=N, each Nth test runs; $TEST_SEED, a hexadecimal number, says which ones.
 *
 * Each case runs in a process of its own, in which Check forks one more process for each test.  The
 * program prints the output of the cases that fail, and one summary in Check's words.
 */
#include "support/test.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/images.h"

#define JOBS_MAX 64

/* Whether an environment variable has this value; if `value` is NULL, whether it has any value. */
static bool is_set(const char *variable, const char *value)
{
	const char *found = getenv(variable);

	return found && (!value || strcmp(found, value) == 0);
}

#define STATIC_MEMORY_MAX (12 << 20) /* bytes; the sanitizers' own borders count too */

/* Constructors fill the list before main(). */
static struct test_case *cases, *last_case;

/* The suite of test/unit/test-some-thing.c is some_thing. */
static void name_suite(struct test_case *of)
{
	const char *base = strrchr(of->file, '/') ? strrchr(of->file, '/') + 1 : of->file;

	base += strncmp(base, "test-", 5) == 0 ? 5 : 0;
	snprintf(of->suite, sizeof(of->suite), "%.*s", (int)strcspn(base, "."), base);
	for (char *c = of->suite; *c; c++)
		*c = *c == '-' ? '_' : *c;
}

void test_register(struct test_case *in, struct test *test)
{
	const char *wanted = getenv("T");

	if (wanted && !strstr(test->test->name, wanted))
		return;
	if (in->last_test) {
		in->last_test->next = test;
	} else {
		*(last_case ? &last_case->next : &cases) = in;
		last_case = in;
		in->tests = test;
		name_suite(in);
	}
	in->last_test = test;
}

/* The number of an environment variable, or what is meant without it. */
static unsigned long number_of(const char *variable, int base, unsigned long otherwise)
{
	const char *value = getenv(variable);

	return value && *value ? strtoul(value, NULL, base) : otherwise;
}

/* Adds the tests that the share has.  The shares of different cases begin at different tests. */
static void add_tests(TCase *made, const struct test_case *wanted)
{
	unsigned long share = number_of("TEST_SHARE", 10, 1);
	unsigned long number = number_of("TEST_SEED", 16, 0);

	for (const char *c = wanted->name; *c; c++)
		number = number * 31 + (unsigned char)*c;
	for (const struct test *test = wanted->tests; test; test = test->next)
		for (int i = test->from; i < test->to; i++)
			if (number++ % (share == 0 ? 1 : share) == 0)
				tcase_add_loop_test(made, test->test, i, i + 1);
}

static TCase *make_case(const struct test_case *wanted)
{
	TCase *made = tcase_create(wanted->name);

	/*
	 * A busy machine may reach Check's own limit of 4 s for a test.  The limit set here only
	 * ends a test that hangs.
	 */
	if (!getenv("CK_DEFAULT_TIMEOUT"))
		tcase_set_timeout(made, 900);
	if (wanted->setup || wanted->teardown)
		tcase_add_checked_fixture(made, wanted->setup, wanted->teardown);
	if (wanted->once_setup || wanted->once_teardown)
		tcase_add_unchecked_fixture(made, wanted->once_setup, wanted->once_teardown);
	if (wanted->tags)
		tcase_set_tags(made, wanted->tags);
	add_tests(made, wanted);
	return made;
}

/* ---- skipped tests -------------------------------------------------------------------------- */

static int skips = -1; /* a file with a line for each skip, shared by all processes */
static struct {
	const struct test_case *in;
	const char *name;
	pid_t process;
} running; /* the test of this process */

/* Adds the processor time of the test and of its children that have ended to a file. */
static void note_time(void)
{
	FILE *file = getpid() == running.process ? fopen(getenv("TEST_TIMES"), "a") : NULL;
	struct rusage own, others;

	if (!file)
		return;
	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &others);
	timeradd(&own.ru_utime, &own.ru_stime, &own.ru_utime);
	timeradd(&others.ru_utime, &others.ru_stime, &others.ru_utime);
	timeradd(&own.ru_utime, &others.ru_utime, &own.ru_utime);
	fprintf(file, "%ld.%03ld %s:%s\n", (long)own.ru_utime.tv_sec,
		(long)own.ru_utime.tv_usec / 1000, running.in->suite, running.name);
	fclose(file);
}

void test_begin(const struct test_case *in, const char *name)
{
	running.in = in;
	running.name = name;
	running.process = getpid();
	if (is_set("TEST_TIMES", NULL))
		atexit(note_time);
}

bool test_needs_kernel(bool there, const char *feature)
{
	if (!there)
		dprintf(skips, "  %s:%s: needs %s\n", running.in->suite, running.name, feature);
	return there;
}

bool test_needs(bool there, const char *what)
{
	if (!there && is_set("BOOTSHIFT_TESTS_SKIP", "fail"))
		ck_abort_msg("skipped: needs %s", what);
	return test_needs_kernel(there, what);
}

bool test_needs_program(const char *program)
{
	char command[128];

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin:/sbin; command -v %s >/dev/null",
		 program);
	return test_needs(system(command) == 0, program);
}

bool test_needs_root(void)
{
	return test_needs(geteuid() == 0, "root");
}

int open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = -3; /* ".", "..", and the descriptor of the folder itself */

	ck_assert_ptr_nonnull(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

pid_t only_child(void)
{
	char path[64], line[64] = "";
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	stream = fopen(path, "r");
	ck_assert_ptr_nonnull(stream);
	if (!fgets(line, sizeof(line), stream))
		line[0] = '\0';
	fclose(stream);
	return (pid_t)strtol(line, NULL, 10);
}

/* Returns the content of a file in memory.  The caller frees it. */
static char *read_all(int descriptor)
{
	off_t length = lseek(descriptor, 0, SEEK_END);
	char *bytes = calloc(1, (size_t)length + 1);

	if (!bytes || pread(descriptor, bytes, (size_t)length, 0) != length)
		abort();
	return bytes;
}

static void print_skips(void)
{
	char *lines = read_all(skips);
	int count = 0;

	for (const char *c = lines; *c; c++)
		count += *c == '\n';
	if (count > 0)
		printf("skipped: %d\n%s", count, lines);
	free(lines);
}

/* ---- one process for all cases -------------------------------------------------------------- */

static bool is_serial(void)
{
	return is_set("CK_FORK", "no") || is_set("CK_VERBOSITY", "silent") ||
	       is_set("CK_LOG_FILE_NAME", NULL) || is_set("CK_XML_LOG_FILE_NAME", NULL) ||
	       is_set("CK_TAP_LOG_FILE_NAME", NULL);
}

/*
 * Runs the cases from `first` up to, but not including, `end`.  Returns the number of failed tests.
 */
static int run_cases(struct test_case *first, const struct test_case *end)
{
	SRunner *runner = srunner_create(NULL);
	const char *name = "";
	Suite *suite = NULL;
	int failed;

	images_enter();
	for (struct test_case *one = first; one != end; one = one->next) {
		if (strcmp(name, one->suite) != 0) {
			name = one->suite;
			suite = suite_create(name);
			srunner_add_suite(runner, suite);
		}
		suite_add_tcase(suite, make_case(one));
	}
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}

/* ---- a process for each case, side by side -------------------------------------------------- */

static struct job {
	pid_t process; /* 0: none */
	int output;    /* what Check and the tests print */
	struct test_case *of;
} jobs[JOBS_MAX];

static struct {
	int checks, failures, errors;
} sum;

static volatile sig_atomic_t interrupted; /* the number of a signal */

static void interrupt(int number)
{
	interrupted = number;
}

static int job_limit(void)
{
	const char *wanted = getenv("TEST_JOBS");
	int limit = wanted ? atoi(wanted) : 2 * (int)sysconf(_SC_NPROCESSORS_ONLN);

	return limit < 1 ? 1 : limit > JOBS_MAX ? JOBS_MAX : limit;
}

static void job_start(struct job *job, struct test_case *of)
{
	job->of = of;
	job->output = memfd_create("output", MFD_CLOEXEC);
	job->process = fork();
	if (job->output < 0 || job->process < 0) {
		perror("cannot start a test");
		exit(EXIT_FAILURE);
	}
	if (job->process > 0)
		return;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(job->output, STDOUT_FILENO);
	dup2(job->output, STDERR_FILENO);
	exit(run_cases(of, of->next) == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* Prints the output of a job, without the lines that make up the summary. */
static void job_end(struct job *job, int status)
{
	char *output = read_all(job->output), *rest = output, *line;
	int percent, checks, failures = 0, errors = 0;
	bool summed = false;

	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%d%%: Checks: %d, Failures: %d, Errors: %d", &percent, &checks,
			   &failures, &errors) == 4) {
			sum.checks += checks;
			sum.failures += failures;
			sum.errors += errors;
			summed = true;
		} else if (*line && strncmp(line, "Running suite(s):", 17) != 0) {
			puts(line);
		}
	}
	if (!summed || (status != 0 && failures + errors == 0)) {
		printf("%s: case %s: its process ended with status 0x%x\n", job->of->file,
		       job->of->name, (unsigned)status);
		sum.errors++;
	}
	fflush(stdout);
	free(output);
	close(job->output);
	job->process = 0;
}

/* Waits until a slot is free for a job.  NULL: the tests were interrupted. */
static struct job *job_wait(int limit)
{
	while (!interrupted) {
		int status;
		pid_t process;

		for (int i = 0; i < limit; i++)
			if (jobs[i].process == 0)
				return &jobs[i];
		process = wait(&status);
		for (int i = 0; i < limit; i++)
			if (process > 0 && jobs[i].process == process)
				job_end(&jobs[i], status);
	}
	return NULL;
}

static void jobs_end(int limit)
{
	for (int i = 0; i < limit; i++) {
		int status;

		if (jobs[i].process == 0)
			continue;
		while (waitpid(jobs[i].process, &status, 0) < 0)
			kill(jobs[i].process, SIGTERM); /* interrupted */
		job_end(&jobs[i], status);
	}
}

static int run_side_by_side(void)
{
	int limit = job_limit();

	sigaction(SIGINT, &(struct sigaction){.sa_handler = interrupt}, NULL);
	sigaction(SIGTERM, &(struct sigaction){.sa_handler = interrupt}, NULL);
	for (struct test_case *one = cases; one; one = one->next) {
		const char *suite = getenv("CK_RUN_SUITE");
		struct job *job;

		if (suite && strcmp(suite, one->suite) != 0)
			continue;
		job = job_wait(limit);
		if (!job)
			break;
		job_start(job, one);
	}
	jobs_end(limit);
	print_skips();
	if (number_of("TEST_SHARE", 10, 1) > 1)
		printf("share: one of %lu tests, TEST_SEED=%lx\n", number_of("TEST_SHARE", 10, 1),
		       number_of("TEST_SEED", 16, 0));
	printf("%d%%: Checks: %d, Failures: %d, Errors: %d\n",
	       sum.checks ? 100 * (sum.checks - sum.failures - sum.errors) / sum.checks : 100,
	       sum.checks, sum.failures, sum.errors);
	return sum.failures + sum.errors;
}

/*
 * LeakSanitizer searches all static memory at the end of each case, so a buffer of 40 MiB made all
 * cases six times as long.
 */
static void refuse_large_static_memory(void)
{
	extern char __bss_start[], _end[]; /* made by the linker */

	if (_end - __bss_start > STATIC_MEMORY_MAX) {
		fprintf(stderr, "the static buffers of these tests are too large: use malloc()\n");
		exit(EXIT_FAILURE);
	}
}

/* The tests send these signals.  Whoever starts the tests may ignore some, as nohup(1) does. */
static void unignore_signals(void)
{
	static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		signal(numbers[i], SIG_DFL);
}

int main(void)
{
	int failed;

	unignore_signals();
	refuse_large_static_memory();
	images_prepare();
	skips = memfd_create("skips", MFD_CLOEXEC);
	if (is_serial()) {
		failed = run_cases(cases, NULL);
		print_skips();
	} else {
		failed = run_side_by_side();
	}
	return interrupted ? 128 + interrupted : failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
