//go:build !purego

#include "textflag.h"

// The registers. X0 is where SHA256RNDS2 looks for a round's words.
#define ABEF X1
#define CDGH X2
#define ABCD X7
#define E0 X8
#define E1 X9
#define T X14

// Four rounds of SHA-256 are two halves. M is the round's four words of the message, n the round's number.
#define HEAD(n, M) \
	MOVOU (4*n)(R8), X0; \
	PADDD M, X0; \
	SHA256RNDS2 X0, ABEF, CDGH

#define TAIL \
	PSHUFD $0x0e, X0, X0; \
	SHA256RNDS2 X0, CDGH, ABEF

// The words of the message that come after: P is what M was four rounds before, N what it becomes four rounds later.
#define NEXT256(P, M, N) \
	MOVO M, T; \
	PALIGNR $4, P, T; \
	PADDD T, N; \
	SHA256MSG2 M, N

#define FIRST256(n, M) HEAD(n, M); TAIL
#define EARLY256(n, P, M) HEAD(n, M); TAIL; SHA256MSG1 M, P
#define FULL256(n, P, M, N) HEAD(n, M); NEXT256(P, M, N); TAIL; SHA256MSG1 M, P
#define LATE256(n, P, M, N) HEAD(n, M); NEXT256(P, M, N); TAIL

// Four rounds of SHA-1 with the function f. E is the fifth word, F becomes that of the next rounds. P and N as above, and
// Q is what P was.
#define ROUNDS1(f, E, F, M) \
	SHA1NEXTE M, E; \
	MOVO ABCD, F; \
	SHA1RNDS4 f, E, ABCD

#define FULL1(f, E, F, P, M, N, Q) \
	SHA1NEXTE M, E; \
	MOVO ABCD, F; \
	SHA1MSG2 M, N; \
	SHA1RNDS4 f, E, ABCD; \
	SHA1MSG1 M, P; \
	PXOR M, Q

// func blocks(s *lanes, p *byte, count int, k *[64]uint32)
TEXT ·blocks(SB), NOSPLIT, $64-32
	MOVQ s+0(FP), DI
	MOVQ p+8(FP), SI
	MOVQ count+16(FP), DX
	MOVQ k+24(FP), R8
	MOVOU 0(DI), ABEF
	MOVOU 16(DI), CDGH
	MOVOU 32(DI), ABCD
	MOVOU 48(DI), E0
	TESTQ DX, DX
	JZ    done

loop:
	MOVOU ABEF, 0(SP)
	MOVOU CDGH, 16(SP)
	MOVOU ABCD, 32(SP)
	MOVOU E0, 48(SP)

	// X3 to X6 are the message as SHA-256 wants it: the bytes of each word reversed. X10 to X13 as SHA-1 wants it: all bytes.
	MOVOU 0(SI), X3
	MOVOU 16(SI), X4
	MOVOU 32(SI), X5
	MOVOU 48(SI), X6
	MOVO  X3, X10
	MOVO  X4, X11
	MOVO  X5, X12
	MOVO  X6, X13
	MOVOU reverse16<>(SB), T
	PSHUFB T, X10
	PSHUFB T, X11
	PSHUFB T, X12
	PSHUFB T, X13
	MOVOU reverse4<>(SB), T
	PSHUFB T, X3
	PSHUFB T, X4
	PSHUFB T, X5
	PSHUFB T, X6

	PADDD X10, E0
	MOVO  ABCD, E1
	SHA1RNDS4 $0, E0, ABCD
	FIRST256(0, X3)
	ROUNDS1($0, E1, E0, X11)
	SHA1MSG1 X11, X10
	EARLY256(4, X3, X4)
	ROUNDS1($0, E0, E1, X12)
	SHA1MSG1 X12, X11
	PXOR  X12, X10
	EARLY256(8, X4, X5)
	FULL1($0, E1, E0, X12, X13, X10, X11)
	FULL256(12, X5, X6, X3)
	FULL1($0, E0, E1, X13, X10, X11, X12)
	FULL1($1, E1, E0, X10, X11, X12, X13)
	FULL256(16, X6, X3, X4)
	FULL1($1, E0, E1, X11, X12, X13, X10)
	FULL256(20, X3, X4, X5)
	FULL1($1, E1, E0, X12, X13, X10, X11)
	FULL256(24, X4, X5, X6)
	FULL1($1, E0, E1, X13, X10, X11, X12)
	FULL256(28, X5, X6, X3)
	FULL1($1, E1, E0, X10, X11, X12, X13)
	FULL1($2, E0, E1, X11, X12, X13, X10)
	FULL256(32, X6, X3, X4)
	FULL1($2, E1, E0, X12, X13, X10, X11)
	FULL256(36, X3, X4, X5)
	FULL1($2, E0, E1, X13, X10, X11, X12)
	FULL256(40, X4, X5, X6)
	FULL1($2, E1, E0, X10, X11, X12, X13)
	FULL256(44, X5, X6, X3)
	FULL1($2, E0, E1, X11, X12, X13, X10)
	FULL1($3, E1, E0, X12, X13, X10, X11)
	FULL256(48, X6, X3, X4)
	FULL1($3, E0, E1, X13, X10, X11, X12)
	LATE256(52, X3, X4, X5)
	SHA1NEXTE X11, E1
	MOVO  ABCD, E0
	SHA1MSG2 X11, X12
	SHA1RNDS4 $3, E1, ABCD
	PXOR  X11, X13
	LATE256(56, X4, X5, X6)
	SHA1NEXTE X12, E0
	MOVO  ABCD, E1
	SHA1MSG2 X12, X13
	SHA1RNDS4 $3, E0, ABCD
	FIRST256(60, X6)
	ROUNDS1($3, E1, E0, X13)

	MOVOU 0(SP), T
	PADDD T, ABEF
	MOVOU 16(SP), T
	PADDD T, CDGH
	MOVOU 32(SP), T
	PADDD T, ABCD
	MOVOU 48(SP), T
	SHA1NEXTE T, E0

	ADDQ $64, SI
	DECQ DX
	JNZ  loop

done:
	MOVOU ABEF, 0(DI)
	MOVOU CDGH, 16(DI)
	MOVOU ABCD, 32(DI)
	MOVOU E0, 48(DI)
	RET

// func cpuid(leaf, sub uint32) (eax, ebx, ecx uint32)
TEXT ·cpuid(SB), NOSPLIT, $0-20
	MOVL leaf+0(FP), AX
	MOVL sub+4(FP), CX
	CPUID
	MOVL AX, eax+8(FP)
	MOVL BX, ebx+12(FP)
	MOVL CX, ecx+16(FP)
	RET

DATA reverse4<>+0(SB)/8, $0x0405060700010203
DATA reverse4<>+8(SB)/8, $0x0c0d0e0f08090a0b
GLOBL reverse4<>(SB), RODATA|NOPTR, $16

DATA reverse16<>+0(SB)/8, $0x08090a0b0c0d0e0f
DATA reverse16<>+8(SB)/8, $0x0001020304050607
GLOBL reverse16<>(SB), RODATA|NOPTR, $16
