//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// The page is written by hand but for what stands between these lines.
const (
	generatedFrom  = "<!-- bench: everything down to the next such line is written by the command above it -->\n"
	generatedUntil = "<!-- bench: end -->\n"
)

var errPage = errors.New("infra/bench/RESULTS.md lacks the lines between which the results go")

// write puts the results into the page and draws the plots beside it.
func (m measurements) write(folder string, t table) error {
	path := filepath.Join(folder, "RESULTS.md")
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, begins := bytes.Cut(page, []byte(generatedFrom))
	_, tail, ends := bytes.Cut(rest, []byte(generatedUntil))
	if !begins || !ends {
		return errPage
	}
	text := fmt.Sprintf("%s%s%s\n%s%s%s", head, generatedFrom, m.circumstances(), t, generatedUntil, tail)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	for name, p := range map[string]plot{"warm.svg": m.warmPlot(), "cold.svg": m.coldPlot()} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(p.svg()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// circumstances says when, on what and how often the figures were measured.
func (m measurements) circumstances() string {
	return fmt.Sprintf("%s, version %s, %s on %s/%s, %d processors (%s), Linux %s, load average %s. "+
		"%d starts of each kind, %d warm webhooks of each program, %d rounds of each benchmark; median (quartiles).\n",
		time.Now().UTC().Format("2 January 2006, 15:04 UTC"), version(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), processor(), first("/proc/sys/kernel/osrelease", 1), first("/proc/loadavg", 3),
		m.effort.starts, m.effort.blocks*block, m.effort.verifies)
}

func version() string {
	out, err := exec.CommandContext(context.Background(), "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

var modelName = regexp.MustCompile(`(?m)^model name\s*:\s*(.*)$`)

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // absent on other systems
	if found := modelName.FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return "unknown"
}

// first gives the first words of a file, as the kernel shows them.
func first(file string, words int) string {
	text, err := os.ReadFile(file)
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < words {
		return "unknown"
	}
	return strings.Join(fields[:words], " ")
}
