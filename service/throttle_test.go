package service_test

import (
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/service"
)

func TestThrottleCountsFailuresOnly(t *testing.T) {
	t.Parallel()
	clk := &handClock{now: time.Now()}
	th := &service.Throttle{Limit: 3, Now: clk.Now}
	for range 100 {
		done, err := th.Begin("a")
		if err != nil {
			t.Fatal(err)
		}
		done(false)
		done(true) // too late: it was settled
	}
	for range 3 {
		done, err := th.Begin("a", "b")
		if err != nil {
			t.Fatal(err)
		}
		done(true)
		done(false)
	}
	if _, err := th.Begin("a", "c"); service.KindOf(err) != service.TooMany {
		t.Fatalf("fourth failure: %v", err)
	}
	if err := allows(th, "c"); err != nil {
		t.Errorf("a refused try was counted for another key: %v", err)
	}
	clk.Advance(20 * time.Second)
	if err := allows(th, "a"); err != nil {
		t.Errorf("after a third of a minute: %v", err)
	}
	if n := th.Failures("a"); n < 1.9 || n > 2.1 {
		t.Errorf("%v failures still count", n)
	}
}

// allows tries without a failure, which counts nothing.
func allows(th *service.Throttle, key string) error {
	done, err := th.Begin(key)
	if err == nil {
		done(false)
	}
	return err
}

func TestThrottleHoldsAgainstManyAtOnce(t *testing.T) {
	t.Parallel()
	th := &service.Throttle{Limit: 5}
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if done, err := th.Begin("k"); err == nil {
				passed.Add(1)
				done(true)
			}
		})
	}
	wg.Wait()
	if passed.Load() != 5 {
		t.Errorf("%d of 200 tries at once passed a limit of 5", passed.Load())
	}
}

func TestThrottleForgetsTheOldestKey(t *testing.T) {
	t.Parallel()
	th := &service.Throttle{Limit: 1, Keys: 10}
	th.Fail("first")
	for i := range 9 {
		th.Fail(fmt.Sprint(i))
	}
	if allows(th, "first") == nil {
		t.Fatal("ten keys do not fit")
	}
	for i := range 10 {
		th.Fail(fmt.Sprint("new", i))
	}
	if err := allows(th, "first"); err != nil {
		t.Error("more keys are remembered than asked for")
	}
}

func TestAddressKeyTakesAnIPv6NetworkAsOne(t *testing.T) {
	t.Parallel()
	key := func(s string) string { return service.AddressKey(netip.MustParseAddr(s)) }
	if key("2001:db8:1:2::1") != key("2001:db8:1:2:ffff::9") || key("2001:db8:1:2::1") == key("2001:db8:1:3::1") {
		t.Error("one /64 is one client")
	}
	if key("192.0.2.1") == key("192.0.2.2") || key("::ffff:192.0.2.1") != key("192.0.2.1") {
		t.Error("each IPv4 address is a client, however it is written")
	}
	_ = service.AddressKey(netip.Addr{}) // unknown: one client for all of them
}
