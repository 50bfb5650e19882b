//go:build unix

package main_test

import (
	"testing"

	bench "vicihook/infra/bench"
)

func TestABudgetIsExceededByMoreThanTheSpread(t *testing.T) {
	for name, c := range map[string]struct {
		figure []float64
		strict bool
		want   bool
	}{
		"a figure below is kept":                             {[]float64{1, 1, 1, 1, 1}, false, false},
		"one whose lower quartile lies below is kept":        {[]float64{1, 2, 3, 3, 3}, false, false},
		"one whose lower quartile lies above is exceeded":    {[]float64{1, 2.1, 3, 3, 3}, false, true},
		"one that is held strictly is exceeded by one value": {[]float64{1, 1, 1, 1, 2.1}, true, true},
		"one that is held strictly may reach it":             {[]float64{1, 2}, true, false},
		"one that nobody measured is exceeded":               {nil, false, true},
	} {
		if got := bench.Exceeded(2, c.strict, c.figure...); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}
