/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of a coroutine on aarch64 (see switch.c). A frame pointer of zero and an
 * undefined return address end every backtrace.
 *
 * The object has no note that it supports guarded control stacks, because the switch does not: the
 * linker then leaves it out of the program's as well.
 */
#if defined(__aarch64__)
        .text
        .p2align 4
        .globl  tug_context_begin
        .hidden tug_context_begin
        .type   tug_context_begin, %function
tug_context_begin:
        .cfi_startproc
        .cfi_undefined x30
        hint    #36                     /* bti j */
        mov     x1, x29
        mov     x0, x19
        mov     x29, #0
        mov     x30, #0
        blr     x1
        brk     #0
        .cfi_endproc
        .size   tug_context_begin, . - tug_context_begin
#endif

        .section .note.GNU-stack, "", %progbits
