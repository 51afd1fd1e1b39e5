package service_test

import "math"

// chanceOfLonger is the share of pairs in which the value from a is greater than the one from b, ties counting half.
func chanceOfLonger(a, b []float64) float64 {
	var n float64
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				n++
			case x == y:
				n += 0.5
			}
		}
	}
	return n / float64(len(a)*len(b))
}

// sigma is the standard deviation of chanceOfLonger when both come from one distribution (Mann and Whitney, 1947).
func sigma(n, m int) float64 { return math.Sqrt(float64(n+m+1) / float64(12*n*m)) }
