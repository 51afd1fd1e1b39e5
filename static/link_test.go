package static_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"
)

// testLink makes a link that anybody may use for as long as its maker chooses.
func testLink(t *testing.T, b *tab) {
	b.signUp(newName())
	b.have("/", "plan.txt")
	b.waitListed("plan.txt")
	b.click(entry("plan.txt"))
	b.click(id("selection-link"))
	b.wait(`document.querySelector('[data-testid=link-until]')?.textContent.includes('in 60 minutes')`)
	b.wantLink(time.Hour)
	b.fill(id("link-life"), "day")
	b.wait(`document.querySelector('[data-testid=link-until]').textContent.includes('in 24 hours')`)
	b.click(id("link-copy"))
	b.wait(`document.querySelector('[data-testid=link]').textContent.includes('Copied')`)
	b.wantLink(24 * time.Hour)
	b.fill(id("link-life"), "week")
	b.wait(`document.querySelector('[data-testid=link-until]').textContent.includes('in 7 days')`)
	b.wait(`!document.querySelector('[data-testid=link]').textContent.includes('Copied')`) // this one is not
	week := b.wantLink(7 * 24 * time.Hour)
	b.shoot("link")

	// What cannot be had leaves what is there.
	b.wait(fmt.Sprintf(`(() => {
		const real = window.fetch;
		window.fetch = async () => ((window.fetch = real), Response.json({ code: 10001, msg: 'parameter lifetime is wrong' }, { status: %d }));
		return true;
	})()`, http.StatusBadRequest))
	b.fill(id("link-life"), "hour")
	b.waitToast(english(t, "error.10001"))
	b.wait(`document.querySelector('[data-testid=link-life]').value === 'week'`)
	if now := b.wantLink(7 * 24 * time.Hour); now != week {
		t.Errorf("the link is another: %s, was %s", now, week)
	}
}

// wantLink returns the link that is shown, which is good for so long, and without a cookie.
func (b *tab) wantLink(life time.Duration) string {
	b.t.Helper()
	link, err := evaluate[string](b, `document.querySelector('[data-testid=link-url]').value`)
	b.must(err)
	parsed, err := url.Parse(link)
	b.must(err)
	end, err := strconv.ParseInt(parsed.Query().Get("expires"), 10, 64)
	b.must(err)
	if left := time.Until(time.Unix(end, 0)); left > life || left < life-5*time.Minute {
		b.t.Errorf("the link is good for %v more, want %v", left, life)
	}
	answer, err := http.Get(link)
	b.must(err)
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		b.t.Errorf("the link answers %s", answer.Status)
	}
	return link
}
