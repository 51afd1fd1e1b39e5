package sqldb

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/blinkdrive/blinkdrive/store"
)

// A cursor is the last entry of a page: its place in the order, with nothing in it that is not the user's own to know.
type cursor struct {
	Order string `json:"o"` // the listing it belongs to
	Kind  int    `json:"k,omitempty"`
	Num   int64  `json:"n,omitempty"`
	Name  string `json:"s,omitempty"`
	Seq   int64  `json:"q"`
}

// listing names the kind of listing, which a cursor fits or does not.
func listing(q store.Query) string {
	switch {
	case q.Trash && q.Parent != "":
		return "in trash" + way(q.Back)
	case q.Trash:
		return "trash" + way(q.Back)
	case q.Files:
		return "files," + string(q.Sort) + way(q.Back)
	}
	return string(q.Sort) + way(q.Back)
}

func way(back bool) string {
	if back {
		return ",back"
	}
	return ""
}

func cursorAt(q store.Query, o order, last row) string {
	k := o.key(last.Entry)
	c := cursor{Order: listing(q), Num: k.Num, Name: k.Name, Seq: last.seq}
	if last.Kind == store.File {
		c.Kind = kindFile
	}
	return c.text()
}

// text writes a cursor for the user to keep.
func (c *cursor) text() string {
	b, _ := json.Marshal(c) // cannot fail: numbers and valid text
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor reads the cursor of a query, nil where it has none. ErrInvalid.
func parseCursor(q store.Query) (*cursor, error) { return readCursor(q.Cursor, listing(q)) }

// readCursor reads a cursor of a kind of listing.
func readCursor(text, listing string) (*cursor, error) {
	if text == "" {
		return nil, nil
	}
	var c cursor
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || c.Order != listing {
		return nil, fmt.Errorf("cursor: %w", store.ErrInvalid)
	}
	return &c, nil
}

// value is what the order's column is compared with.
func (c *cursor) value(o order) any {
	if o.column == "file_name" {
		return c.Name
	}
	return c.Num
}
