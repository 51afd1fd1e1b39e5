package static_test

import (
	"net/url"
	"strconv"
	"sync"

	"github.com/chromedp/cdproto/network"
)

// Traffic is what the browser, or its line, says of the chunks that a tab sends. A chunk is acknowledged when the whole answer is in
// the page's hands: one that was cut off behind its header may rightly be asked for again.
type traffic struct {
	mu       sync.Mutex
	onTheWay map[string]int
	answered map[string]bool
	acked    map[int]int // how often a chunk was acknowledged
	again    []int       // chunks that were sent although they had been acknowledged
}

func newTraffic() *traffic {
	return &traffic{onTheWay: map[string]int{}, answered: map[string]bool{}, acked: map[int]int{}}
}

func (f *traffic) event(ev any) {
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		f.sends(string(ev.RequestID), chunkOf(ev.Request.URL))
	case *network.EventResponseReceived:
		f.answers(string(ev.RequestID), int(ev.Response.Status))
	case *network.EventLoadingFinished:
		f.ends(string(ev.RequestID))
	}
}

// sends hears of a request; one that carries no chunk has index 0.
func (f *traffic) sends(request string, index int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if index == 0 {
		return
	}
	f.onTheWay[request] = index
	if f.acked[index] > 0 {
		f.again = append(f.again, index)
	}
}

func (f *traffic) answers(request string, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answered[request] = f.onTheWay[request] > 0 && status == 200
}

// ends hears that a request has got the whole of its answer.
func (f *traffic) ends(request string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answered[request] {
		f.acked[f.onTheWay[request]]++
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
