package aio

import (
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Syncer makes files and folders durable, with the same errors as [os.File.Sync]. It falls back to that if the kernel has
// no AIO for this process (an old kernel, a sandbox), or too much of it is in use.
//
// The zero value is ready. It is safe for concurrent use.
type Syncer struct {
	begin sync.Once
	queue *queue // nil if the kernel has none
}

// Sync makes the bytes and the attributes of f durable.
func (s *Syncer) Sync(f *os.File) error {
	s.begin.Do(func() { s.queue = newQueue() })
	if s.queue == nil {
		return f.Sync()
	}
	return s.queue.sync(f)
}

// maxPending is how many syncs may be under way in the kernel.
const maxPending = 256

// A queue is an AIO context of the kernel with the callers that wait for it. It has a goroutine only while callers wait.
type queue struct {
	context uintptr
	events  *os.File // an eventfd, which counts the completions

	mu      sync.Mutex // guards last and waiting
	last    uint64
	waiting map[uint64]chan<- syscall.Errno
}

// Of <linux/aio_abi.h>.
const (
	iocbFsync     = 2 // IOCB_CMD_FSYNC
	iocbFlagResFD = 1 // IOCB_FLAG_RESFD
)

// iocb is struct iocb. Fields that a sync does not use are 0.
type iocb struct {
	data   uint64
	_      [2]uint32 // aio_key and aio_rw_flags, in the machine's order
	opcode uint16
	_      int16 // aio_reqprio
	file   uint32
	_      [4]uint64 // aio_buf, aio_nbytes, aio_offset and a reserve
	flags  uint32
	resFD  uint32
}

// ioEvent is struct io_event.
type ioEvent struct {
	data   uint64
	_      uint64 // obj
	result int64
	_      int64 // res2
}

func newQueue() *queue {
	q := &queue{waiting: map[uint64]chan<- syscall.Errno{}}
	if _, _, errno := unix.RawSyscall(unix.SYS_IO_SETUP, maxPending, uintptr(unsafe.Pointer(&q.context)), 0); errno != 0 {
		return nil
	}
	runtime.AddCleanup(q, func(context uintptr) { unix.RawSyscall(unix.SYS_IO_DESTROY, context, 0, 0) }, q.context)
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil
	}
	q.events = os.NewFile(uintptr(fd), "eventfd")
	if _, errno := q.completed(make([]ioEvent, 1)); errno != 0 { // found out here, not when callers wait
		return nil
	}
	return q
}

// completed takes completions from the kernel, without waiting.
func (q *queue) completed(events []ioEvent) (int, syscall.Errno) {
	var noWait unix.Timespec
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_IO_GETEVENTS, q.context, 0, uintptr(len(events)),
			uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(unsafe.Pointer(&noWait)), 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

func (q *queue) sync(f *os.File) error {
	done := make(chan syscall.Errno, 1)
	if !q.submit(f, done) {
		return f.Sync()
	}
	if errno := <-done; errno != 0 {
		return &fs.PathError{Op: "fsync", Path: f.Name(), Err: errno}
	}
	return nil
}

// submit hands a sync to the kernel, and reports whether it took it. The kernel then holds the file itself.
func (q *queue) submit(f *os.File, done chan<- syscall.Errno) bool {
	file, err := f.SyscallConn()
	if err != nil {
		return false
	}
	events, err := q.events.SyscallConn()
	if err != nil {
		return false
	}
	q.mu.Lock() // held until the caller is in waiting: the completion may come at once
	defer q.mu.Unlock()
	block := &iocb{data: q.last + 1, opcode: iocbFsync, flags: iocbFlagResFD}
	if events.Control(func(fd uintptr) { block.resFD = uint32(fd) }) != nil {
		return false
	}
	errno := syscall.EBADF
	err = file.Control(func(fd uintptr) {
		block.file = uint32(fd)
		_, _, errno = unix.RawSyscall(unix.SYS_IO_SUBMIT, q.context, 1, uintptr(unsafe.Pointer(&block)))
	})
	if err != nil || errno != 0 {
		return false
	}
	q.last++
	q.waiting[q.last] = done
	if len(q.waiting) == 1 {
		go q.run()
	}
	return true
}

// run tells the callers the results of their syncs, until no caller waits.
func (q *queue) run() {
	var count [8]byte
	for {
		// The count covers several completions, and may cover some that were taken before: only completed is exact.
		_, err := q.events.Read(count[:])
		if q.take(err == nil) == 0 {
			return
		}
	}
}

// take tells callers the results that the kernel has, and returns how many still wait. If nothing more can be read from the
// eventfd, all of them are told that their sync failed.
func (q *queue) take(readable bool) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !readable {
		q.fail()
		return 0
	}
	var events [32]ioEvent
	for {
		n, errno := q.completed(events[:])
		if errno != 0 {
			q.fail()
		}
		if errno != 0 || n == 0 {
			return len(q.waiting)
		}
		for _, e := range events[:n] {
			if done, waits := q.waiting[e.data]; waits {
				done <- syscall.Errno(-e.result)
				delete(q.waiting, e.data)
			}
		}
	}
}

// fail tells all callers that their bytes may not be durable. The caller holds q.mu.
func (q *queue) fail() {
	for id, done := range q.waiting {
		done <- syscall.EIO
		delete(q.waiting, id)
	}
}
