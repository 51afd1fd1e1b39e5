package disk

import (
	"io/fs"
	"os"
	"runtime"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fsyncs makes small files and folders durable without a thread that waits for the disk. A goroutine in fsync(2) keeps
// one of Go's few processors until the runtime notices, and a form of small files syncs three times a file: on two cores
// they stood still for a quarter of the time. Linux's native AIO (io_submit(2), with IOCB_CMD_FSYNC since 4.18) does the
// same work, with the same errors, on threads of the kernel, and tells an eventfd, which Go's poller waits for. Where it
// cannot be had (an old kernel, a sandbox, too much asked for), fsync(2) does it.
//
// The zero value is ready. It is safe for concurrent use. The CPU that a sync takes is not counted as this process's.
type fsyncs struct {
	begin sync.Once
	aio   *aio // nil: there is none
}

// fsync makes the bytes and the attributes of f durable.
func (s *fsyncs) fsync(f *os.File) error {
	s.begin.Do(func() { s.aio = newAIO() })
	if s.aio == nil {
		return f.Sync()
	}
	return s.aio.fsync(f)
}

// maxAIO is how many syncs may be under way in the kernel.
const maxAIO = 256

// An aio is a context of the kernel's and those who wait for it. While nobody waits it has no goroutine.
type aio struct {
	context uintptr
	events  *os.File // an eventfd, which counts what is over

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan<- syscall.Errno
}

// Of <linux/aio_abi.h>.
const (
	iocbFsync     = 2 // IOCB_CMD_FSYNC
	iocbFlagResFD = 1 // IOCB_FLAG_RESFD
)

// iocb is struct iocb. What a sync has no use for is 0.
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

func newAIO() *aio {
	a := &aio{waiting: map[uint64]chan<- syscall.Errno{}}
	if _, _, errno := unix.RawSyscall(unix.SYS_IO_SETUP, maxAIO, uintptr(unsafe.Pointer(&a.context)), 0); errno != 0 {
		return nil
	}
	runtime.AddCleanup(a, func(context uintptr) { unix.RawSyscall(unix.SYS_IO_DESTROY, context, 0, 0) }, a.context)
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil
	}
	a.events = os.NewFile(uintptr(fd), "eventfd")
	if _, errno := a.over(make([]ioEvent, 1)); errno != 0 { // better here than when somebody waits
		return nil
	}
	return a
}

// over takes from the kernel what is over, without waiting.
func (a *aio) over(events []ioEvent) (int, syscall.Errno) {
	var noWait unix.Timespec
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_IO_GETEVENTS, a.context, 0, uintptr(len(events)),
			uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(unsafe.Pointer(&noWait)), 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

func (a *aio) fsync(f *os.File) error {
	over := make(chan syscall.Errno, 1)
	if !a.submit(f, over) {
		return f.Sync()
	}
	if errno := <-over; errno != 0 {
		return &fs.PathError{Op: "fsync", Path: f.Name(), Err: errno}
	}
	return nil
}

// submit has the kernel begin, and reports whether it did. The kernel holds the file by itself from then on.
func (a *aio) submit(f *os.File, over chan<- syscall.Errno) bool {
	file, err := f.SyscallConn()
	if err != nil {
		return false
	}
	events, err := a.events.SyscallConn()
	if err != nil {
		return false
	}
	a.mu.Lock() // what is over at once has to find who waits
	defer a.mu.Unlock()
	block := &iocb{data: a.last + 1, opcode: iocbFsync, flags: iocbFlagResFD}
	if events.Control(func(fd uintptr) { block.resFD = uint32(fd) }) != nil {
		return false
	}
	errno := syscall.EBADF
	err = file.Control(func(fd uintptr) {
		block.file = uint32(fd)
		_, _, errno = unix.RawSyscall(unix.SYS_IO_SUBMIT, a.context, 1, uintptr(unsafe.Pointer(&block)))
	})
	if err != nil || errno != 0 {
		return false
	}
	a.last++
	a.waiting[a.last] = over
	if len(a.waiting) == 1 {
		go a.tell()
	}
	return true
}

// tell tells those who wait what became of their syncs, until nobody waits.
func (a *aio) tell() {
	var count [8]byte
	for {
		// It counts for more than one, and for some that have been told already: the list of events is what is true.
		_, err := a.events.Read(count[:])
		if a.take(err == nil) == 0 {
			return
		}
	}
}

// take tells those whose syncs are over, and returns how many still wait. Unless more will be heard, all are told something.
func (a *aio) take(more bool) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !more {
		a.fail()
		return 0
	}
	var events [32]ioEvent
	for {
		n, errno := a.over(events[:])
		if errno != 0 {
			a.fail()
		}
		if errno != 0 || n == 0 {
			return len(a.waiting)
		}
		for _, e := range events[:n] {
			if over, waits := a.waiting[e.data]; waits {
				over <- syscall.Errno(-e.result)
				delete(a.waiting, e.data)
			}
		}
	}
}

// fail tells all who wait that nobody knows whether their bytes are durable. The caller has the lock.
func (a *aio) fail() {
	for id, over := range a.waiting {
		over <- syscall.EIO
		delete(a.waiting, id)
	}
}
