package service

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

// A picture is an encoded image, of which no more is known than its header says.
type picture struct {
	data        []byte
	format      string
	config      image.Config
	progressive bool // a JPEG that keeps all coefficients until its end
	orientation int  // as EXIF numbers it: 1 is upright
}

// formatOf tells a picture by its first bytes, and nothing else: what it is called does not matter.
func formatOf(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return "jpeg"
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return "png"
	case bytes.HasPrefix(head, []byte("GIF87a")), bytes.HasPrefix(head, []byte("GIF89a")):
		return "gif"
	case len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WEBP":
		return "webp"
	}
	return ""
}

// newPicture reads the header. TooLarge: it has more pixels, or would take more memory, than is allowed.
func newPicture(data []byte) (p *picture, err error) {
	p = &picture{data: data, format: formatOf(data), orientation: 1}
	err = guarded(func() error {
		var err error
		switch p.format {
		case "jpeg":
			p.scanJPEG()
			p.config, err = jpeg.DecodeConfig(bytes.NewReader(data))
		case "png":
			p.config, err = png.DecodeConfig(bytes.NewReader(data))
		case "gif":
			p.config, err = gif.DecodeConfig(bytes.NewReader(data))
		case "webp":
			p.config, err = webp.DecodeConfig(bytes.NewReader(data))
		default:
			err = errorf(NoThumbnail, "thumbnails are available only for JPEG, PNG, GIF and WebP")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if p.config.Width < 1 || p.config.Height < 1 {
		return nil, errorf(BadPicture, "the picture is empty")
	}
	if p.pixels() > maxPicturePixels || p.memory() > pictureMemory {
		return nil, errorf(TooLarge, "the picture is too large for a thumbnail: %d x %d pixels", p.config.Width, p.config.Height)
	}
	return p, nil
}

func (p *picture) pixels() int64 { return int64(p.config.Width) * int64(p.config.Height) }

// memory is how much decoding takes at most, the file included.
func (p *picture) memory() int64 {
	var each int64 // bytes for a pixel, with what the decoder makes of it on the way
	switch p.format {
	case "jpeg":
		each = 7
		if p.config.ColorModel == color.CMYKModel {
			each = 8
		}
		if p.progressive {
			each += 4 * 4
		}
	case "gif":
		each = 2
	default: // WebP, and PNG with 8 bits, which may be interlaced
		each = 8
		switch p.config.ColorModel {
		case color.RGBA64Model, color.NRGBA64Model, color.Gray16Model:
			each = 12
		}
	}
	return p.pixels()*each + int64(len(p.data))
}

// decode decodes the picture, a moving one's first image.
func (p *picture) decode(ctx context.Context) (img image.Image, err error) {
	var r io.Reader = stopping{ctx, bytes.NewReader(p.data)}
	err = guarded(func() error {
		var err error
		switch p.format {
		case "jpeg":
			img, err = jpeg.Decode(r)
		case "png":
			img, err = png.Decode(r)
		case "gif":
			img, err = gif.Decode(r)
		case "webp":
			img, err = webp.Decode(r)
		}
		return err
	})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("thumbnail: %w", cause(ctx, ctx.Err()))
	}
	if err == nil && img.Bounds().Empty() {
		err = errorf(BadPicture, "the picture is empty")
	}
	return img, err
}

// guarded runs a decoder. Whatever it says of a picture, or dies of, the picture is to blame.
func guarded(decode func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Error{Kind: BadPicture, Msg: "the picture is damaged", Cause: fmt.Errorf("panic: %v", v)}
		}
	}()
	err = decode()
	if err != nil && KindOf(err) == Internal {
		err = &Error{Kind: BadPicture, Msg: "the picture is damaged", Cause: err}
	}
	return err
}

// scanJPEG reads the segments before the image: whether it is progressive, and its orientation. It steps from one to the
// next exactly as the decoder does. What is wrong with them, that finds out.
func (p *picture) scanJPEG() {
	const sof2, sos, app1 = 0xc2, 0xda, 0xe1
	for rest := p.data[2:]; len(rest) >= 4; {
		if rest[0] != 0xff {
			rest = rest[1:] // the decoder looks for the next marker, too
			continue
		}
		marker := rest[1]
		if marker == 0xff || marker == 0 || marker >= 0xd0 && marker <= 0xd7 { // filling, or what the decoder takes to have no length
			rest = rest[1:]
			continue
		}
		n := int(binary.BigEndian.Uint16(rest[2:]))
		if marker == sos || n < 2 || len(rest) < 2+n {
			return
		}
		switch body := rest[4 : 2+n]; marker {
		case sof2:
			p.progressive = true
		case app1:
			if o := exifOrientation(body); o > 0 {
				p.orientation = o
			}
		}
		rest = rest[2+n:]
	}
}

// exifOrientation finds the orientation in an EXIF segment, 0 where there is none.
func exifOrientation(segment []byte) int {
	tiff, ok := bytes.CutPrefix(segment, []byte("Exif\x00\x00"))
	if !ok || len(tiff) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.LittleEndian
	if string(tiff[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(tiff[4:]))
	if at+2 > int64(len(tiff)) {
		return 0
	}
	entries := tiff[at+2:]
	for range order.Uint16(tiff[at:]) {
		if len(entries) < 12 {
			return 0
		}
		if order.Uint16(entries) == 0x0112 {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 0
		}
		entries = entries[12:]
	}
	return 0
}

// shrunk fits a picture into a square; it is never made larger. What is much larger is first brought near by taking some of its
// pixels, which is quick and needs no memory, and then made small with care.
func shrunk(img image.Image, size int) *image.RGBA {
	b := img.Bounds()
	w, h := fit(b.Dx(), b.Dy(), size)
	if near := 4; b.Dx() > near*w || b.Dy() > near*h {
		middle := image.NewRGBA(image.Rect(0, 0, min(b.Dx(), near*w), min(b.Dy(), near*h)))
		draw.ApproxBiLinear.Scale(middle, middle.Bounds(), img, b, draw.Src, nil)
		img, b = middle, middle.Bounds()
	}
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.CatmullRom.Scale(small, small.Bounds(), img, b, draw.Src, nil)
	return small
}

func fit(w, h, size int) (int, int) {
	long := max(w, h)
	if long <= size {
		return w, h
	}
	return max(1, w*size/long), max(1, h*size/long)
}

// turned sets a picture upright.
func turned(img *image.RGBA, orientation int) *image.RGBA {
	if orientation <= 1 {
		return img
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	to := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		to = image.Rect(0, 0, h, w)
	}
	out := image.NewRGBA(to)
	for y := range h {
		for x := range w {
			at := image.Pt(x, y)
			switch orientation {
			case 2:
				at = image.Pt(w-1-x, y)
			case 3:
				at = image.Pt(w-1-x, h-1-y)
			case 4:
				at = image.Pt(x, h-1-y)
			case 5:
				at = image.Pt(y, x)
			case 6:
				at = image.Pt(h-1-y, x)
			case 7:
				at = image.Pt(h-1-y, w-1-x)
			case 8:
				at = image.Pt(y, w-1-x)
			}
			out.SetRGBA(at.X, at.Y, img.RGBAAt(x, y))
		}
	}
	return out
}
