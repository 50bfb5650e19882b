//go:build unix

// Command bench measures what a user of the function pays for, beside the least that anybody can reach, in one run:
// an empty Lambda, and one that sends VICIdial's two requests and nothing else, both built with the function's own
// recipe.
//
//	go run ./infra/bench            prints a table
//	go run ./infra/bench --write    puts it into infra/bench/RESULTS.md too, and draws the two plots beside it
//	go run ./infra/bench --check    with fewer runs: exits 1 when a budget is exceeded
//
// Every figure is a median of many runs that take turns with those of the floor, in an order that changes, so that a
// busy machine slows both. What is told of the difference is the median of the differences of each turn. A measured
// budget counts as exceeded when the lower quartile lies above it; bytes and counts are held strictly.
//
// It needs Linux, Go and make, and runs in the project's folder.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/alecthomas/kong"
)

type cli struct {
	Check bool `help:"Take fewer runs, and fail when a budget is exceeded."`
	Write bool `help:"Write the table and the plots into infra/bench."`
}

// effort is how often things are measured.
type effort struct{ starts, blocks, verifies int }

var (
	thorough = effort{starts: 100, blocks: 80, verifies: 40}
	quick    = effort{starts: 30, blocks: 20, verifies: 12}
)

func main() {
	var flags cli
	kong.Parse(&flags, kong.Description("Measure the function beside the least that anybody can reach."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := flags.run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (c cli) run(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "vicihook-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	e := thorough
	if c.Check {
		e = quick
	}
	m, err := measure(ctx, folder, e)
	if err != nil {
		return err
	}
	table := m.table()
	fmt.Print(table)
	if c.Write {
		if err := m.write(filepath.Join("infra", "bench"), table); err != nil {
			return err
		}
	}
	if c.Check {
		return table.check()
	}
	return nil
}

// measurements are all that one run finds out.
type measurements struct {
	effort    effort
	size      map[string]map[string]size // by processor and program
	cold      cold
	secret    sample // one GetSecretValue on a new connection
	warm      warm
	endurance endurance
	benchmark map[string]benchmark
	fetches   float64 // secret versions fetched by one start
}

func measure(ctx context.Context, folder string, e effort) (m measurements, err error) {
	m.effort = e
	folders, err := buildAll(ctx, folder)
	if err != nil {
		return m, err
	}
	if m.size, err = measureSizes(ctx, folder); err != nil {
		return m, err
	}
	w, err := newWorld(ctx, folders)
	if err != nil {
		return m, err
	}
	defer w.Stop()
	tell("starts")
	if m.cold, m.secret, err = w.measureCold(ctx, e.starts); err != nil {
		return m, err
	}
	m.fetches = float64(w.fetched()-e.starts) / float64(2*e.starts) // less fetchOnce's; two of the starts are ours
	tell("warm webhooks")
	if m.warm, err = w.measureWarm(ctx, e.blocks); err != nil {
		return m, err
	}
	tell("many webhooks")
	if m.endurance, err = w.measureEndurance(ctx); err != nil {
		return m, err
	}
	tell("benchmarks")
	m.benchmark, err = measureBenchmarks(ctx, folder, e.verifies)
	return m, err
}

// tell says what takes so long.
func tell(what string) { fmt.Fprintln(os.Stderr, "measuring", what) }
