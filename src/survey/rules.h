/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule of the judge: a test whether the rule applies to the facts, and its words for a finding,
 * for a link of the boot chain, or for both.  The rules themselves are in rules.def.
 */
#ifndef BOOTSHIFT_RULES_H
#define BOOTSHIFT_RULES_H

#include "survey/facts.h"

/* The subject of a rule.  If there are several subjects of a kind, the rule is tried on each. */
enum rule_subject {
	ON_DISK,      /* the only one of its kind */
	ON_FLAG,      /* the flag byte of an entry of the partition table */
	ON_PARTITION, /* any partition */
	ON_PAIR,      /* two partitions: index = first + BS_PARTITIONS_MAX * second */
	ON_ROLE,      /* 0: the system volume, 1: the boot volume */
	ON_FILE,      /* a file that moves */
	ON_ELEMENT,   /* a device element of the BCD */
	ON_LEGACY,    /* a file of an earlier Windows */
	ON_CHOICE,    /* a choice in boot.ini */
	ON_ITEM,      /* an item that moves */
	ON_TARGET,    /* a file or folder that prevents the copying of an item */
	RULE_SUBJECT_COUNT
};

/* The words of a rule; empty if it has none for the link or for the finding. */
struct ruling {
	char link[sizeof(((struct bs_link *)NULL)->detail)];
	char finding[sizeof(((struct bs_finding *)NULL)->message)];
};

/* Returns whether the rule applies to the subject with index `i`; if so, sets *ruling. */
typedef bool rule_test(const struct facts *facts, uint32_t i, struct ruling *ruling);

struct rule {
	unsigned priority; /* a lower number comes first */
	enum bs_code code; /* of the finding and of the link */
	enum rule_subject subject;
	int link; /* enum bs_link_kind, or -1: the rule sets no link */
	enum bs_link_state state;
	rule_test *test;
	const char *name; /* for tests and debugging */
};

/* All rules in the order of their priority. */
const struct rule *rules_all(size_t *count);

/* The number of subjects of a kind. */
uint32_t rules_count_subjects(const struct facts *facts, enum rule_subject subject);

#endif
