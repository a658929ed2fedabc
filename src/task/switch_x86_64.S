/* SPDX-License-Identifier: MIT */
/*
 * The first instructions of a coroutine on x86-64 (see switch.c). The stack pointer is 16-byte
 * aligned here, as the ABI wants it before a call. A frame pointer of zero and an undefined return
 * address end every backtrace.
 *
 * The object has no note that it supports shadow stacks, because the switch does not: the linker
 * then leaves it out of the program's as well.
 */
#if defined(__x86_64__)
        .text
        .p2align 4
        .globl  tug_context_begin
        .hidden tug_context_begin
        .type   tug_context_begin, @function
tug_context_begin:
        .cfi_startproc
        .cfi_undefined rip
        endbr64
        movq    %rbp, %rax
        movq    %rbx, %rdi
        xorl    %ebp, %ebp
        callq   *%rax
        ud2
        .cfi_endproc
        .size   tug_context_begin, . - tug_context_begin
#endif

        .section .note.GNU-stack, "", %progbits
