package client

import (
	"sync"
	"time"
)

// A Stage is what an upload or download is doing.
type Stage string

// The stages.
const (
	StageHashing    Stage = "hashing"
	StageAsking     Stage = "asking" // for instant upload
	StageSending    Stage = "sending"
	StageCompleting Stage = "completing"
	StageReceiving  Stage = "receiving"
	StageDone       Stage = "done"
)

// An Event tells how far an upload or download is.
type Event struct {
	Stage Stage
	Bytes int64 // done in this stage, those that need not be sent included
	Total int64 // in the file
}

// eventGap is how far apart events within a stage are at least.
const eventGap = 50 * time.Millisecond

// A meter counts bytes and tells of them now and then.
type meter struct {
	tell func(Event)

	mu   sync.Mutex
	now  Event
	last time.Time
}

func newMeter(total int64, tell func(Event)) *meter {
	return &meter{tell: tell, now: Event{Total: total}}
}

// enter begins a stage in which bytes are done already.
func (m *meter) enter(s Stage, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Stage, m.now.Bytes = s, bytes
	m.event()
}

// moved counts n more bytes, or with a negative n takes back what was in vain.
func (m *meter) moved(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now.Bytes += int64(n)
	if time.Since(m.last) >= eventGap {
		m.event()
	}
}

func (m *meter) event() {
	if m.tell == nil {
		return
	}
	m.last = time.Now()
	m.tell(m.now)
}
