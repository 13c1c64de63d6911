/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CRC32C against published values. */
#include "support/test.h"

#include "util/crc32c.h"

TEST_CASE(crc32c_tests, "crc32c");

TEST(crc32c_tests, the_standard_check_value_comes_out)
{
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283u);
}

/* RFC 3720, appendix B.4: 32 bytes of zeros, of ones, and rising. */
TEST(crc32c_tests, the_examples_of_rfc_3720_come_out)
{
	uint8_t zeros[32] = {0}, ones[32], rising[32];

	for (unsigned i = 0; i < 32; i++) {
		ones[i] = 0xff;
		rising[i] = (uint8_t)i;
	}
	ck_assert_uint_eq(crc32c(0, zeros, 32), 0x8a9136aau);
	ck_assert_uint_eq(crc32c(0, ones, 32), 0x62a8ab43u);
	ck_assert_uint_eq(crc32c(0, rising, 32), 0x46dd794eu);
}

TEST(crc32c_tests, a_sum_in_two_steps_is_the_sum_of_the_whole)
{
	ck_assert_uint_eq(crc32c(crc32c(0, "1234", 4), "56789", 5), 0xe3069283u);
	ck_assert_uint_eq(crc32c(0, "", 0), 0);
}

TEST(crc32c_tests, the_portable_code_and_the_instruction_have_the_same_result)
{
	uint8_t bytes[300];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * i * 7 + i / 3);
	for (size_t start = 0; start < 9; start++)
		for (size_t length = 0; length <= sizeof(bytes) - start; length++)
			ck_assert_uint_eq(crc32c(0x12345678, bytes + start, length),
					  crc32c_portable(0x12345678, bytes + start, length));
	ck_assert_uint_eq(crc32c_portable(0, "123456789", 9), 0xe3069283u);
}
