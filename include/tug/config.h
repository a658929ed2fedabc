/* SPDX-License-Identifier: MIT */
/*
 * What every other public header needs: symbol visibility, C linkage for C++,
 * and the attributes that let the compiler check a caller.
 */
#ifndef TUG_CONFIG_H
#define TUG_CONFIG_H

#if defined(__GNUC__)
#define TUG_API __attribute__((visibility("default")))
#define TUG_NODISCARD __attribute__((warn_unused_result))
#define TUG_PRINTF(format_index, first_index)                                                      \
    __attribute__((format(printf, format_index, first_index)))
#else
#define TUG_API
#define TUG_NODISCARD
#define TUG_PRINTF(format_index, first_index)
#endif

#if defined(__cplusplus)
#define TUG_BEGIN_DECLS extern "C" {
#define TUG_END_DECLS }
#else
#define TUG_BEGIN_DECLS
#define TUG_END_DECLS
#endif

#endif
