package main

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
)

// A landscape is a photograph that needs no photographer: a sky, a sun, and ridges one behind the other.
type landscape struct {
	seed            uint64
	top, low        color.RGBA // the sky above and at the horizon
	near            color.RGBA // the ridge in front; those behind it fade into the sky
	sunX, sunY, sun float64    // parts of the width and the height; the sun's radius
	ridges          int
}

const width, height = 1800, 1200

// jpeg draws the landscape. The same seed draws the same.
func (l landscape) jpeg() ([]byte, error) {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, l.sky(x, y))
		}
	}
	random := rand.New(rand.NewPCG(l.seed, 1))
	for i := range l.ridges {
		depth := float64(i+1) / float64(l.ridges)
		tint := mix(l.low, l.near, 0.25+0.75*depth)
		line := ridge(random, 0.42+0.42*depth, 0.2*(1-0.45*depth))
		for x, top := range line {
			for y := max(0, int(top)); y < height; y++ {
				haze := 0.35 * (float64(y) - top) / height // mist lies in the valleys
				img.SetRGBA(x, y, mix(tint, l.low, haze))
			}
		}
	}
	for i := range img.Pix { // grain, as every film has
		if i%4 != 3 {
			img.Pix[i] = uint8(min(max(int(img.Pix[i])+int(random.NormFloat64()*4), 0), 255))
		}
	}
	var out bytes.Buffer
	err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 90})
	return out.Bytes(), err
}

func (l landscape) sky(x, y int) color.RGBA {
	c := mix(l.top, l.low, math.Pow(float64(y)/(0.75*height), 1.3))
	away := math.Hypot(float64(x)-l.sunX*width, float64(y)-l.sunY*height) / (l.sun * height)
	white := color.RGBA{255, 246, 226, 255}
	if away < 1 {
		return mix(white, c, math.Pow(away, 24)*0.6)
	}
	return mix(white, c, 1-0.5*math.Exp(1-away))
}

// ridge returns the height of a chain of mountains at each x: waves of ever shorter length and height.
func ridge(random *rand.Rand, base, swing float64) []float64 {
	line := make([]float64, width)
	for octave := 1.3; octave < 120; octave *= 1.9 {
		phase, sharp := random.Float64()*2*math.Pi, random.Float64()
		for x := range line {
			wave := math.Sin(octave*float64(x)/width*2*math.Pi + phase)
			peak := 1 - 2*math.Abs(wave) // pointed, as mountains are
			line[x] += (sharp*peak + (1-sharp)*wave) / octave
		}
	}
	for x := range line {
		line[x] = (base - swing*line[x]) * height
	}
	return line
}

// mix blends two colours: part 0 gives a, part 1 gives b.
func mix(a, b color.RGBA, part float64) color.RGBA {
	part = min(max(part, 0), 1)
	of := func(a, b uint8) uint8 { return uint8(float64(a) + part*(float64(b)-float64(a))) }
	return color.RGBA{of(a.R, b.R), of(a.G, b.G), of(a.B, b.B), 255}
}
