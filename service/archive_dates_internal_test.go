package service

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/blinkdrive/blinkdrive/store"
)

// zipDates reads the dates in all headers of an archive of empty members without archive/zip, as its format describes
// them: MS-DOS date and time, and seconds since 1970 in the extra field 0x5455.
func zipDates(t *testing.T, archive []byte) (dos, unix []time.Time) {
	t.Helper()
	le := binary.LittleEndian
	for at := 0; at < len(archive); {
		head := archive[at:]
		var clock, date uint16
		var name, extra, comment, fixed int
		switch signature := le.Uint32(head); signature {
		case 0x04034b50: // local header
			clock, date = le.Uint16(head[10:]), le.Uint16(head[12:])
			name, extra, fixed = int(le.Uint16(head[26:])), int(le.Uint16(head[28:])), 30
		case 0x02014b50: // directory
			clock, date = le.Uint16(head[12:]), le.Uint16(head[14:])
			name, extra, comment, fixed = int(le.Uint16(head[28:])), int(le.Uint16(head[30:])), int(le.Uint16(head[32:])), 46
		case 0x08074b50: // descriptor
			at += 16
			continue
		case 0x06054b50: // end
			return dos, unix
		default:
			t.Fatalf("signature %#x at %d", signature, at)
		}
		dos = append(dos, time.Date(1980+int(date>>9), time.Month(date>>5&15), int(date&31),
			int(clock>>11), int(clock>>5&63), 2*int(clock&31), 0, time.UTC))
		field := head[fixed+name : fixed+name+extra]
		if len(field) != 9 || le.Uint16(field) != 0x5455 || field[4]&1 == 0 {
			t.Fatalf("extra field % x", field)
		}
		unix = append(unix, time.Unix(int64(le.Uint32(field[5:])), 0).UTC())
		at += fixed + name + extra + comment
	}
	t.Fatal("the archive has no end")
	return nil, nil
}

// A date that a zip cannot hold becomes the closest one that it can, in every place where it is.
func TestZipHoldsAllDates(t *testing.T) {
	t.Parallel()
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 12, 34, 56, 0, time.UTC) }
	first, last := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2106, 2, 7, 6, 28, 14, 0, time.UTC)
	for _, tt := range []struct{ modified, want time.Time }{
		{day(1, 1, 1), first}, {day(1601, 1, 1), first}, {day(1965, 5, 5), first}, {time.Unix(0, 0), first},
		{first.Add(-time.Second), first}, {first, first}, {day(1980, 1, 1), day(1980, 1, 1)}, {day(2026, 11, 30), day(2026, 11, 30)},
		{day(2040, 2, 29), day(2040, 2, 29)}, {last, last}, {last.Add(time.Second), last}, {day(2107, 12, 31), last},
		{day(2108, 1, 1), last}, {day(2150, 6, 6), last}, {day(9999, 12, 31), last},
		{time.Date(1980, 1, 1, 1, 0, 0, 0, time.FixedZone("", 2*3600)), first},
		{time.Date(2026, 1, 1, 1, 0, 0, 0, time.FixedZone("", 2*3600)), time.Date(2025, 12, 31, 23, 0, 0, 0, time.UTC)},
	} {
		for _, e := range []store.Entry{{Kind: store.File, Modified: tt.modified}, {Kind: store.Folder, Created: tt.modified}} {
			m := member{"a", e}
			if e.Kind == store.Folder {
				m.name = "a/"
			}
			a := planned(m)
			archive := readRange(t, &Downloads{}, a, 0, a.Size)
			dos, unix := zipDates(t, archive)
			for i := range dos {
				if !dos[i].Equal(tt.want) || !unix[i].Equal(tt.want) {
					t.Errorf("%v: header %d says %v and %v, want %v", tt.modified, i, dos[i], unix[i], tt.want)
				}
			}
			if len(dos) != 2 {
				t.Errorf("%d headers", len(dos))
			}
		}
	}
}
