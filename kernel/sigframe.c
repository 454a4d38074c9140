/* SPDX-License-Identifier: MIT */
/* kernel/sigframe.c - RING 0 - the frame of a signal handler on the user's stack, as Linux x86-64 lays it out.
 *
 *   high   extended state: XSAVE image, then FP_XSTATE_MAGIC2; 64-byte aligned
 *          siginfo
 *          ucontext: registers, mask to come back to
 *   rsp -> restorer's address          (rsp + 8 is a multiple of 16, as after a call)
 *
 * Path:  signal.c > [sigframe.c] > handler > restorer > rt_sigreturn > [sigframe.c]
 *
 * R1  Nothing that comes back from a user's frame gives ring 3 more than it had: segments are constants, only the
 *     arithmetic flags return, rip and rsp are canonical, the XSAVE image is checked before XRSTOR. */
#include "kernel/syscalls.h"

#define RED_ZONE 128                    /* System V ABI: bytes below rsp that belong to the interrupted function */
#define SW_BYTES 464                    /* SDM 1 10.5.1: bytes 464..511 of the FXSAVE area are software's */
#define XSTATE_HEADER 512               /* SDM 1 13.4.2 */
#define FLAGS_USER 0x00240dd5ull        /* CF PF AF ZF SF TF DF OF AC ID: what ring 3 may set itself */
#define FLAGS_FIXED 0x202ull            /* IF and bit 1 */
#define REGS_SIZE offsetof(struct trapframe, vector)    /* so far a sigcontext is the same: the general registers */
_Static_assert(REGS_SIZE == offsetof(struct sigcontext, sp), "cpu.h and the ABI");

/* Does rsp stand in the alternate stack? (sigaltstack)  One that disarms itself is free as soon as it is set again. */
static bool on_altstack(const struct thread *t, uaddr_t sp)
{
	return !(t->sig_stack.flags & (SS_DISABLE | SS_AUTODISARM)) && sp - 1 - t->sig_stack.sp < t->sig_stack.size;
}

/* The live extended state goes to the user's stack at `at`; the thread's own area serves as the kernel's copy, as
 * nothing else is in it while the thread runs. */
static int fpu_push(struct thread *t, uaddr_t at)
{
	uint32_t size = fpu_area_size(), magic2 = FP_XSTATE_MAGIC2;
	struct fpx_sw sw = {FP_XSTATE_MAGIC1, size + sizeof(magic2), fpu_features(), size, {0}};

	fpu_save(t->fpu);
	if (copy_out(at, t->fpu, size)) return -EFAULT;
	if (size > 512 && copy_out(at + SW_BYTES, &sw, sizeof(sw))) return -EFAULT;
	return copy_out(at + size, &magic2, sizeof(magic2));
}

/* Bring an image back.  One without our marks has the 512 old bytes alone (SDM 1 10.5.1).  false: there is none */
static bool fpu_pop(uaddr_t from)
{
	uint32_t size = fpu_area_size(), magic2 = 0;
	char *area = kalloc(PAGE_SIZE);
	const struct fpx_sw *sw = (struct fpx_sw *)(area + SW_BYTES);
	bool ok = area && !copy_in(area, from, 512);

	if (ok && sw->magic1 == FP_XSTATE_MAGIC1 && sw->size == size) copy_in(&magic2, from + size, sizeof(magic2));
	if (magic2 == FP_XSTATE_MAGIC2) ok = !copy_in(area + 512, from + 512, size - 512);
	else if (ok && size > 512) *(uint64_t *)(area + XSTATE_HEADER) = 3;
	ok = ok && fpu_area_ok(area);
	if (ok) fpu_restore(area);
	kfree(area);
	return ok;
}

static void altstack_get(const struct thread *t, uaddr_t sp, struct sigstack *s)
{
	*s = t->sig_stack;
	if (on_altstack(t, sp)) s->flags |= SS_ONSTACK;
}

int sigframe_push(struct trapframe *tf, const struct sigaction_k *a, const struct siginfo *info, uint64_t mask)
{
	struct thread *t = current_thread();
	bool alt = (a->flags & SA_ONSTACK) && !(t->sig_stack.flags & SS_DISABLE) && !on_altstack(t, tf->rsp);
	uaddr_t sp = alt ? t->sig_stack.sp + t->sig_stack.size : tf->rsp - RED_ZONE;
	uaddr_t fp = (sp - fpu_area_size() - 4) & ~63ull;
	bool trap = tf->vector < 32;
	struct rt_sigframe f = {
		.restorer = a->restorer, .si.info = *info, .uc.mc = {
			.sp = tf->rsp, .ip = tf->rip, .flags = tf->rflags, .cs = USER_CS, .ss = USER_SS,
			.err = trap ? tf->error : 0, .trapno = trap ? tf->vector : 0, .fpstate = fp, .oldmask = mask,
		},
	};
	uaddr_t at = ((fp - sizeof(f)) & ~15ull) - 8;

	if (!(a->flags & SA_RESTORER)) return -EFAULT;  /* the x86-64 ABI has no other way back */
	if (on_altstack(t, sp) && !on_altstack(t, at)) return -EFAULT;     /* full */
	memcpy(&f.uc.mc, tf, REGS_SIZE);
	f.uc.flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS | (fpu_area_size() > 512 ? UC_FP_XSTATE : 0);
	f.uc.sigmask = mask;
	altstack_get(t, tf->rsp, &f.uc.stack);
	if (info->signo == SIGSEGV || info->signo == SIGBUS) f.uc.mc.cr2 = info->fault.addr;
	if (fpu_push(t, fp) || copy_out(at, &f, sizeof(f))) return -EFAULT;
	fpu_restore(fpu_start());              /* a handler begins as a program does, as on Linux */
	if (t->sig_stack.flags & SS_AUTODISARM) t->sig_stack.flags = SS_DISABLE;

	tf->rdi = info->signo;                 /* other registers stay, as on Linux: a chain of frames leads on */
	tf->rsi = at + offsetof(typeof(f), si);
	tf->rdx = at + offsetof(typeof(f), uc);
	tf->rax = tf->vector = 0;
	tf->rip = a->handler < USER_TOP ? a->handler : 0;       /* else iret would fault, in ring 0: so ring 3 does */
	tf->rsp = at;
	tf->rflags = FLAGS_FIXED;
	tf->cs = USER_CS, tf->ss = USER_SS;
	return 0;
}

static int altstack_set(struct thread *t, const struct sigstack *s, uaddr_t sp)
{
	uint32_t mode = s->flags & ~SS_AUTODISARM;

	if (on_altstack(t, sp)) return -EPERM;
	if (mode & ~(uint32_t)SS_ONSTACK && mode != SS_DISABLE) return -EINVAL;
	if (mode != SS_DISABLE && s->size < MINSIGSTKSZ) return -ENOMEM;
	t->sig_stack = *s;
	t->sig_stack.flags = mode == SS_DISABLE ? SS_DISABLE : s->flags & SS_AUTODISARM;
	return 0;
}

SYSCALL(sigaltstack)
{
	struct thread *t = current_thread();
	struct sigstack new, old;
	int rc = 0;

	if (a0 && copy_in(&new, a0, sizeof(new))) return -EFAULT;
	altstack_get(t, t->tf->rsp, &old);
	if (a0) rc = altstack_set(t, &new, t->tf->rsp);
	if (!rc && a1) rc = copy_out(a1, &old, sizeof(old));
	return rc;
}

SYSCALL(rt_sigreturn)
{
	struct thread *t = current_thread();
	struct rt_sigframe f;
	/* the handler's ret took the restorer's address off the stack */
	uaddr_t at = t->tf->rsp - sizeof(f.restorer);

	if (copy_in(&f, at, sizeof(f)) || f.uc.mc.ip >= USER_TOP || f.uc.mc.sp > USER_TOP) proc_exit(SIGSEGV);
	if (f.uc.mc.fpstate && !fpu_pop(f.uc.mc.fpstate)) proc_exit(SIGSEGV);

	*t->tf = (struct trapframe){                    /* R1 */
		.rip = f.uc.mc.ip, .cs = USER_CS, .rflags = (f.uc.mc.flags & FLAGS_USER) | FLAGS_FIXED,
		.rsp = f.uc.mc.sp, .ss = USER_SS,
	};
	memcpy(t->tf, &f.uc.mc, REGS_SIZE);
	altstack_set(t, &f.uc.stack, f.uc.mc.sp);
	signal_mask_set(f.uc.sigmask);
	return t->tf->rax;
}
