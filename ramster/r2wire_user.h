/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Just enough for r2wire.[ch] to compile in user space, with
 * -std=gnu2x -D R2WIRE_USER.
 */
#ifndef _RAMSTER_R2WIRE_USER_H
#define _RAMSTER_R2WIRE_USER_H

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define cpu_to_le16(x)	((__le16)htole16(x))
#define cpu_to_le32(x)	((__le32)htole32(x))
#define cpu_to_le64(x)	((__le64)htole64(x))
#define le16_to_cpu(x)	((__u16)le16toh((__u16)(x)))
#define le32_to_cpu(x)	((__u32)le32toh((__u32)(x)))
#define le64_to_cpu(x)	((__u64)le64toh((__u64)(x)))

#endif /* _RAMSTER_R2WIRE_USER_H */
