package service

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/blinkdrive/blinkdrive/store"
)

// corners is a picture with red at its top left and blue at its bottom right, on white.
func corners(w, h int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for y := range (h + 1) / 2 {
		for x := range (w + 1) / 2 {
			img.SetRGBA(x, y, color.RGBA{R: 255, A: 255})
			img.SetRGBA(w-1-x, h-1-y, color.RGBA{B: 255, A: 255})
		}
	}
	return img
}

func encoded(t testing.TB, format string, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	var err error
	switch format {
	case "jpeg":
		err = jpeg.Encode(&b, img, nil)
	case "png":
		err = png.Encode(&b, img)
	case "gif":
		p := image.NewPaletted(img.Bounds(), palette.WebSafe)
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				p.Set(x, y, img.At(x, y))
			}
		}
		err = gif.Encode(&b, p, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const tinyWebP = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA"

func webpOf(t testing.TB) []byte {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString(tinyWebP)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// oriented puts an EXIF segment into a JPEG.
func oriented(data []byte, o uint16, order binary.AppendByteOrder, mark string) []byte {
	tiff := append([]byte(mark), order.AppendUint32(order.AppendUint16(nil, 42), 8)...)
	tiff = order.AppendUint16(tiff, 2)
	tiff = append(tiff, make([]byte, 12)...) // another entry
	tiff = order.AppendUint16(order.AppendUint32(order.AppendUint16(order.AppendUint16(tiff, 0x0112), 3), 1), o)
	tiff = append(tiff, 0, 0)
	body := append([]byte("Exif\x00\x00"), tiff...)
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(body)+2))
	return bytes.Join([][]byte{data[:2], segment, body, data[2:]}, nil)
}

func small(t *testing.T, data []byte, size int) (image.Image, Thumbnail) {
	t.Helper()
	p, err := newPicture(data)
	if err != nil {
		t.Fatal(err)
	}
	th, err := p.thumbnail(t.Context(), size)
	if err != nil {
		t.Fatal(err)
	}
	img, format, err := image.Decode(bytes.NewReader(th.Bytes))
	if err != nil || th.MediaType != "image/"+format {
		t.Fatalf("%s is %s, %v", th.MediaType, format, err)
	}
	return img, th
}

func like(c color.Color, want color.RGBA) bool {
	r, g, b, _ := c.RGBA()
	near := func(a uint32, b uint8) bool { return max(int(a>>8), int(b))-min(int(a>>8), int(b)) < 60 }
	return near(r, want.R) && near(g, want.G) && near(b, want.B)
}

func TestThumbnailsFit(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"jpeg", "png", "gif"} {
		for _, tt := range []struct{ w, h, size, wantW, wantH int }{
			{1000, 500, 128, 128, 64}, {300, 900, 256, 85, 256}, {2000, 1, 128, 128, 1}, {1, 3000, 128, 1, 128}, {50, 40, 128, 50, 40},
			{128, 128, 128, 128, 128}, {1, 1, 512, 1, 1}, {517, 517, 512, 512, 512},
		} {
			img, _ := small(t, encoded(t, format, corners(tt.w, tt.h)), tt.size)
			b := img.Bounds()
			if b.Dx() != tt.wantW || b.Dy() != tt.wantH {
				t.Errorf("%s of %dx%d is %v", format, tt.w, tt.h, b)
			}
			if b.Dx() < 32 || b.Dy() < 32 {
				continue
			}
			if c := img.At(b.Dx()/8, b.Dy()/8); !like(c, color.RGBA{R: 255}) {
				t.Errorf("%s of %dx%d: the top left is %v", format, tt.w, tt.h, c)
			}
			if c := img.At(b.Dx()-b.Dx()/8, b.Dy()-b.Dy()/8); !like(c, color.RGBA{B: 255}) {
				t.Errorf("%s of %dx%d: the bottom right is %v", format, tt.w, tt.h, c)
			}
		}
	}
	small(t, webpOf(t), 128)
	glass := image.NewNRGBA(image.Rect(0, 0, 400, 400)) // nothing but transparent
	if _, th := small(t, encoded(t, "png", glass), 128); th.MediaType != "image/png" {
		t.Errorf("what can be seen through is %s", th.MediaType)
	}
}

// A camera held in whatever way, the picture stands upright.
func TestThumbnailsStandUpright(t *testing.T) {
	t.Parallel()
	data := encoded(t, "jpeg", corners(400, 200))
	red, blue, white := color.RGBA{R: 255}, color.RGBA{B: 255}, color.RGBA{R: 255, G: 255, B: 255}
	for o, want := range map[uint16][4]color.RGBA{ // top left, top right, bottom left, bottom right
		0: {red, white, white, blue}, 1: {red, white, white, blue}, 2: {white, red, blue, white}, 3: {blue, white, white, red},
		4: {white, blue, red, white}, 5: {red, white, white, blue}, 6: {white, red, blue, white}, 7: {blue, white, white, red},
		8: {white, blue, red, white}, 9: {red, white, white, blue},
	} {
		for _, turned := range [][]byte{oriented(data, o, binary.LittleEndian, "II"), oriented(data, o, binary.BigEndian, "MM")} {
			img, _ := small(t, turned, 128)
			w, h := img.Bounds().Dx(), img.Bounds().Dy()
			if upright := o < 5 || o > 8; upright != (w == 128 && h == 64) || !upright && (w != 64 || h != 128) {
				t.Errorf("orientation %d: %dx%d", o, w, h)
			}
			for i, at := range []image.Point{{w / 8, h / 8}, {w - w/8, h / 8}, {w / 8, h - h/8}, {w - w/8, h - h/8}} {
				if c := img.At(at.X, at.Y); !like(c, want[i]) {
					t.Errorf("orientation %d: corner %d is %v, want %v", o, i, c, want[i])
				}
			}
		}
	}
}

// jpegHeader is a JPEG that claims a size and ends where its scan begins.
func jpegHeader(sof byte, w, h, components int) []byte {
	body := []byte{8, byte(h >> 8), byte(h), byte(w >> 8), byte(w), byte(components)}
	for i := range components {
		body = append(body, byte(i+1), 0x11, 0)
	}
	segment := binary.BigEndian.AppendUint16([]byte{0xff, 0xd8, 0xff, sof}, uint16(len(body)+2))
	return append(append(segment, body...), 0xff, 0xda, 0, 2)
}

// resized is a picture whose header claims another size.
func resized(data []byte, at int, size []byte) []byte {
	data = bytes.Clone(data)
	copy(data[at:], size)
	return data
}

func TestPicturesAreRefused(t *testing.T) {
	t.Parallel()
	gifData, pngData := encoded(t, "gif", corners(4, 4)), encoded(t, "png", corners(4, 4))
	jpegData := encoded(t, "jpeg", corners(40, 40))
	for name, tt := range map[string]struct {
		data []byte
		want Kind
	}{
		"nothing":              {nil, NoThumbnail},
		"text":                 {[]byte("hello, this is no picture"), NoThumbnail},
		"SVG":                  {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"></svg>`), NoThumbnail},
		"only a magic":         {[]byte("\xff\xd8\xff"), BadPicture},
		"PNG header alone":     {pngData[:8], BadPicture},
		"cut JPEG":             {jpegData[:len(jpegData)/4], BadPicture},
		"large JPEG":           {jpegHeader(0xc0, 10000, 5001, 3), TooLarge},
		"just too large":       {jpegHeader(0xc0, 50001, 1000, 1), TooLarge},
		"large GIF":            {resized(gifData, 6, []byte{0xff, 0xff, 0xff, 0xff}), TooLarge},
		"progressive JPEG":     {jpegHeader(0xc2, 6000, 6000, 3), TooLarge}, // its coefficients alone would be 432 MB
		"hidden progressive":   {append([]byte("\xff\xd8\xff\xd8\x00\x06\xff\xda\x00\x04"), jpegHeader(0xc2, 6000, 6000, 3)[2:]...), BadPicture},
		"RIFF that is no WebP": {[]byte("RIFF\x00\x00\x00\x00WAVEfmt "), NoThumbnail},
		"WebP header alone":    {[]byte("RIFF\x10\x00\x00\x00WEBPVP8 "), BadPicture},
		"no pixels":            {jpegHeader(0xc0, 0, 10, 3), BadPicture},
	} {
		if _, err := newPicture(tt.data); err != nil {
			if KindOf(err) != tt.want {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		p, err := newPicture(tt.data)
		if err == nil {
			_, err = p.thumbnail(t.Context(), 128)
		}
		if KindOf(err) != tt.want || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{"50 megapixels": jpegHeader(0xc0, 10000, 5000, 3), "progressive": jpegHeader(0xc2, 4000, 3000, 3)} {
		p, err := newPicture(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if p.progressive != (name == "progressive") {
			t.Errorf("%s: progressive is %v", name, p.progressive)
		}
	}
}

func TestDecodingEndsWithItsContext(t *testing.T) {
	t.Parallel()
	p, err := newPicture(encoded(t, "png", corners(2000, 2000)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 0, errorf(BadPicture, "too long"))
	defer cancel()
	<-ctx.Done()
	if _, err := p.thumbnail(ctx, 128); KindOf(err) != BadPicture {
		t.Errorf("out of time: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := p.thumbnail(ctx, 128); !errors.Is(err, context.Canceled) {
		t.Errorf("gone: %v", err)
	}
}

// Whatever bytes there are, there is a thumbnail or a reason that can be shown, soon, and never a panic.
func FuzzThumbnail(f *testing.F) {
	for _, format := range []string{"jpeg", "png", "gif"} {
		data := encoded(f, format, corners(24, 16))
		f.Add(data)
		f.Add(data[:len(data)*2/3])
	}
	f.Add(webpOf(f))
	f.Add(oriented(encoded(f, "jpeg", corners(24, 16)), 6, binary.BigEndian, "MM"))
	f.Add(jpegHeader(0xc2, 100, 100, 3))
	f.Fuzz(func(t *testing.T, data []byte) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, errorf(BadPicture, "too long"))
		defer cancel()
		p, err := newPicture(data)
		if err == nil && p.pixels() > 1<<20 {
			return // right or wrong, it would only take long here
		}
		var th Thumbnail
		if err == nil {
			th, err = p.thumbnail(ctx, 128)
		}
		if err != nil {
			if _, shown := errors.AsType[*Error](err); !shown {
				t.Errorf("fault of the machine: %v", err)
			}
			return
		}
		c, _, err := image.DecodeConfig(bytes.NewReader(th.Bytes))
		if err != nil || c.Width > 128 || c.Height > 128 {
			t.Errorf("thumbnail of %dx%d, %v", c.Width, c.Height, err)
		}
	})
}

func BenchmarkThumbnail(b *testing.B) {
	for _, mp := range []int{1, 12, 48} {
		side := 1000
		for side*side < mp*1_000_000 {
			side += 100
		}
		data := encoded(b, "jpeg", corners(side, side))
		b.Run(fmt.Sprint(mp, "MP"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, err := newPicture(data)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := p.thumbnail(b.Context(), 256); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// memoryBlob is a blob in memory.
type memoryBlob struct{ *bytes.Reader }

func (memoryBlob) Close() error { return nil }

// A picture that has to wait for more memory keeps none of its file while it waits: it is read again.
func TestThumbnailWaitsWithEmptyHands(t *testing.T) {
	t.Parallel()
	data := encoded(t, "jpeg", corners(8, 8))
	at := bytes.Index(data, []byte{0xff, 0xc0}) // made to look as if it were progressive, and large
	data[at+1] = 0xc2
	binary.BigEndian.PutUint32(data[at+5:], 3500<<16|3500)
	opened := make(chan bool, 10)
	e := store.Entry{Content: store.Content{Location: store.LocalLocation("away", "x"), Sums: store.Sums{Size: int64(len(data))}}}
	s := &Downloads{Places: Places{Remote: func(context.Context, store.NodeID, store.BlobName) (store.Blob, error) {
		opened <- true
		return memoryBlob{bytes.NewReader(data)}, nil
	}}}
	s.thumbnails.once.Do(func() { s.thumbnails.memory = semaphore.NewWeighted(pictureMemory) })
	if err := s.thumbnails.memory.Acquire(t.Context(), leastMemory); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := s.Thumbnail(t.Context(), e, 128)
		failed <- err
	}()
	<-opened // its first bytes
	<-opened // all of it, with the memory that was left
	s.thumbnails.memory.Release(leastMemory)
	if err := <-failed; KindOf(err) != BadPicture {
		t.Errorf("%v", err)
	}
	if len(opened) != 1 {
		t.Errorf("it is read %d times after it has waited, want 1", len(opened))
	}
}
