package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image/color"
	"math/rand/v2"
)

// A file is what lies in the drive before the picture is taken. changed is the time that the list shows.
type file struct {
	name, changed string
	content       []byte
}

// The landscapes of both languages' drives.
var views = []landscape{
	{seed: 11, top: rgb(0x2b4a7d), low: rgb(0xf6b57a), near: rgb(0x1d2a3f), sunX: .68, sunY: .47, sun: .05, ridges: 5},
	{seed: 23, top: rgb(0x4f9bd9), low: rgb(0xe4f1f7), near: rgb(0x1f5a4a), sunX: .2, sunY: .18, sun: .045, ridges: 4},
	{seed: 35, top: rgb(0x1b1b4b), low: rgb(0xd66a8a), near: rgb(0x17142e), sunX: .36, sunY: .5, sun: .06, ridges: 6},
	{seed: 47, top: rgb(0x7fb7c9), low: rgb(0xfdf3dc), near: rgb(0xb0622b), sunX: .8, sunY: .25, sun: .05, ridges: 4},
}

func rgb(hex uint32) color.RGBA {
	return color.RGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

// noise returns bytes that no drive has seen and that are the same every time.
func noise(seed byte, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b) // never fails
	return b
}

// pdf returns a document of one page with a title, and of the size of one with pictures.
func pdf(title string, size int) []byte {
	var b bytes.Buffer
	var at []int
	object := func(text string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), text)
	}
	stream := func(data string) string {
		return fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(data), data)
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>")
	object(stream(fmt.Sprintf("BT /F 28 Tf 72 740 Td (%s) Tj ET", title)))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	object(stream(string(noise(9, size))))
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, offset := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, table)
	return b.Bytes()
}

// table returns a list of expenses as CSV.
func table() []byte {
	var b bytes.Buffer
	random := rand.New(rand.NewPCG(5, 1))
	b.WriteString("date,amount\n")
	for day := range 900 {
		fmt.Fprintf(&b, "%d,%d.%02d\n", 20260101+day%28+day/28*100, 10+random.IntN(900), random.IntN(100))
	}
	return b.Bytes()
}

// archive returns a zip of one file.
func archive(name string, size int) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err != nil {
		return nil, err
	}
	if _, err := f.Write(noise(7, size)); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// pictures returns the landscapes under these names.
func pictures(names []string, changed []string) ([]file, error) {
	var out []file
	for i, name := range names {
		content, err := views[i].jpeg()
		if err != nil {
			return nil, err
		}
		out = append(out, file{name, changed[i], content})
	}
	return out, nil
}
