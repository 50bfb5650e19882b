//go:build unix

package main

import (
	"math"
	"slices"
)

// A sample is one figure, measured again and again, in the order of measuring.
type sample []float64

// at gives the value below which a part of the sample lies, 0 to 1.
func (s sample) at(part float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s))
	place := part * float64(len(sorted)-1)
	low := int(place)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(place-float64(low))
}

func (s sample) median() float64 { return s.at(0.5) }

// with combines two samples that were taken in turns, value by value.
func (s sample) with(other sample, f func(a, b float64) float64) sample {
	combined := make(sample, min(len(s), len(other)))
	for i := range combined {
		combined[i] = f(s[i], other[i])
	}
	return combined
}

func (s sample) minus(other sample) sample {
	return s.with(other, func(a, b float64) float64 { return a - b })
}

func (s sample) plus(other sample) sample {
	return s.with(other, func(a, b float64) float64 { return a + b })
}

func (s sample) over(other sample) sample {
	return s.with(other, func(a, b float64) float64 { return a / b })
}

func (s sample) each(f func(float64) float64) sample {
	mapped := make(sample, len(s))
	for i, value := range s {
		mapped[i] = f(value)
	}
	return mapped
}
