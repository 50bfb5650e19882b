//go:build unix

package main

import (
	"archive/zip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// The programs that are measured: ours, the least that a Lambda can be, and the least that sends VICIdial's requests.
const (
	ours  = "./function"
	empty = "./infra/bench/empty"
	posts = "./infra/bench/posts"
)

var programs = []string{empty, posts, ours}

// build builds a program as the function is built for AWS: it runs the Makefile's own recipe, with the package in
// the function's place. It leaves bootstrap and sources.json in folder.
func build(ctx context.Context, program, arch, folder string) error {
	dry := exec.CommandContext(ctx, "make", "-s", "-n", "build-VicihookFunction",
		"ARTIFACTS_DIR="+folder, "GOOS="+goos(arch), "ARCH="+arch, "VERSION=bench")
	dry.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	recipe, err := dry.Output()
	if err != nil {
		return fmt.Errorf("make -n build-VicihookFunction: %w", err)
	}
	if n := strings.Count(string(recipe), " "+ours+"\n"); n != 1 {
		return fmt.Errorf("the Makefile's recipe names %s %d times, not once:\n%s", ours, n, recipe)
	}
	run := exec.CommandContext(ctx, "sh", "-e", "-c", strings.Replace(string(recipe), " "+ours+"\n", " "+program+"\n", 1))
	if out, err := run.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", program, err, out)
	}
	return nil
}

// goos is this machine's system for its own processor, and AWS's for the others.
func goos(arch string) string {
	if arch == runtime.GOARCH {
		return runtime.GOOS
	}
	return "linux"
}

// buildAll builds all three for this machine, each in a folder of its own.
func buildAll(ctx context.Context, below string) (folders map[string]string, err error) {
	folders = map[string]string{}
	for _, program := range programs {
		folders[program] = filepath.Join(below, filepath.Base(program))
		if err := build(ctx, program, runtime.GOARCH, folders[program]); err != nil {
			return nil, err
		}
	}
	return folders, nil
}

// architectures are those that Lambda has.
var architectures = []string{"arm64", "amd64"}

// A size is that of a program's bootstrap and of the zip that is uploaded, in bytes.
type size struct{ bootstrap, zip int64 }

func measureSizes(ctx context.Context, below string) (map[string]map[string]size, error) {
	sizes := map[string]map[string]size{}
	for _, arch := range architectures {
		sizes[arch] = map[string]size{}
		for _, program := range []string{ours, empty} {
			folder := filepath.Join(below, arch, filepath.Base(program))
			if err := build(ctx, program, arch, folder); err != nil {
				return nil, err
			}
			measured, err := sizeOf(folder)
			if err != nil {
				return nil, err
			}
			sizes[arch][program] = measured
		}
	}
	return sizes, nil
}

func sizeOf(folder string) (s size, err error) {
	info, err := os.Stat(filepath.Join(folder, "bootstrap"))
	if err != nil {
		return s, err
	}
	var zipped counter
	w := zip.NewWriter(&zipped)
	if err := w.AddFS(os.DirFS(folder)); err != nil {
		return s, err
	}
	err = w.Close()
	return size{bootstrap: info.Size(), zip: int64(zipped)}, err
}

// A counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
