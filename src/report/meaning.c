/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/meaning.h"

#include <string.h>

/* The compiler warns of a code that has no meaning, or that has two. */
const char *code_meaning(enum bs_code code)
{
	switch (code) {
#define MEANING(symbol, text)                                                                      \
	case symbol:                                                                               \
		return text;
#include "report/meanings.def"
#undef MEANING
	case BS_CODE_COUNT:
		break;
	}
	return "";
}

enum bs_code code_named(const char *name)
{
	enum bs_code code = BS_OK;

	while (code < BS_CODE_COUNT && strcmp(name, bs_code_name(code)) != 0)
		code++;
	return code;
}
