package static_test

import (
	"net/url"
	"strconv"
	"sync"

	"github.com/chromedp/cdproto/network"
)

// Traffic is what the browser says of the chunks that a tab sends. A chunk is acknowledged when the whole answer is in
// the page's hands: one that was cut off behind its header may rightly be asked for again.
type traffic struct {
	mu       sync.Mutex
	onTheWay map[network.RequestID]int
	answered map[network.RequestID]bool
	acked    map[int]int // how often a chunk was acknowledged
	again    []int       // chunks that were sent although they had been acknowledged
}

func newTraffic() *traffic {
	return &traffic{onTheWay: map[network.RequestID]int{}, answered: map[network.RequestID]bool{}, acked: map[int]int{}}
}

func (f *traffic) event(ev any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		if index := chunkOf(ev.Request.URL); index > 0 {
			f.onTheWay[ev.RequestID] = index
			if f.acked[index] > 0 {
				f.again = append(f.again, index)
			}
		}
	case *network.EventResponseReceived:
		if f.onTheWay[ev.RequestID] > 0 && ev.Response.Status == 200 {
			f.answered[ev.RequestID] = true
		}
	case *network.EventLoadingFinished:
		if f.answered[ev.RequestID] {
			f.acked[f.onTheWay[ev.RequestID]]++
		}
	}
}

// chunkOf returns the number of the chunk that a request carries, or 0.
func chunkOf(rawURL string) int {
	u, err := url.Parse(rawURL)
	if err != nil || u.Path != "/file/mpupload/uppart" {
		return 0
	}
	index, _ := strconv.Atoi(u.Query().Get("index"))
	return index
}

func (b *tab) forgetChunks() { b.chunks = newTraffic() }

func (b *tab) ackedChunks() int {
	b.chunks.mu.Lock()
	defer b.chunks.mu.Unlock()
	return len(b.chunks.acked)
}

// waitAcked waits until that many chunks are acknowledged.
func (b *tab) waitAcked(n int) {
	b.t.Helper()
	b.waitFor(strconv.Itoa(n)+" acknowledged chunks", func() bool { return b.ackedChunks() >= n })
}

// wantNothingAgain checks that no chunk that had been acknowledged was sent again, and none was acknowledged twice.
func (b *tab) wantNothingAgain() {
	b.t.Helper()
	b.chunks.mu.Lock()
	defer b.chunks.mu.Unlock()
	if len(b.chunks.again) > 0 {
		b.t.Errorf("acknowledged chunks %v were sent again", b.chunks.again)
	}
	for index, times := range b.chunks.acked {
		if times > 1 {
			b.t.Errorf("chunk %d was acknowledged %d times", index, times)
		}
	}
}
