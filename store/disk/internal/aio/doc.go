// Package aio makes small files and folders durable without a thread that waits for the disk.
//
// A goroutine in fsync(2) keeps its processor (in the sense of GOMAXPROCS) until the runtime takes it away, and a file that
// comes in a form is synced three times: itself, its folder, and the folder above if that is new. Linux's native AIO
// (io_submit(2), with IOCB_CMD_FSYNC since 4.18) does the same work, with the same errors, on threads of the kernel, and
// signals an eventfd, which Go's poller waits for. The CPU time of a sync is then not counted as this process's.
//
// What it is good for: the rate of files in forms by 16 clients with os.File.Sync under a semaphore, over the rate with
// this package. Medians of the ratios of 4 to 7 rounds in which both builds took turns, on 2 cores of a shared virtual
// machine (AMD EPYC, ext4, Linux 6.18), 30 November 2026:
//
//	                           GOMAXPROCS=2   GOMAXPROCS=4
//	1 MiB, 64 syncs at once    0.72 ×         0.96 ×
//	1 MiB, 8 syncs at once     0.65 ×         0.95 ×
//	4 KiB, 64 syncs at once    0.73 ×         0.95 ×
//	4 KiB, 8 syncs at once     0.79 ×         0.89 ×
//
// The 99th percentile of a request was 1.3 to 1.8 times as long with GOMAXPROCS=2, and 0.97 to 1.2 times with 4. So it
// pays as long as GOMAXPROCS is the number of cores, which is the default; if that changes, or Go's runtime does not lose
// processors to fsync(2) any more, this package should go. Measure with
// make bench BENCH='-rows ^files -before PROGRAM'.
//
// The package must not know what the files are for.
package aio
