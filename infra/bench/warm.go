//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"vicihook/infra/bench/instance"
)

// block is how many webhooks in a row one program gets before it is another's turn.
const block = 25

// warm is what webhooks cost a program that runs: wall time of each in milliseconds, and mean CPU time of each block,
// in milliseconds a webhook.
type warm struct {
	wall, cpu map[string]sample
	direct    sample // VICIdial's two requests from here, over one kept connection, without any Lambda
}

// measureWarm gives every program a block of webhooks in turns, in an order that changes.
func (w *world) measureWarm(ctx context.Context, rounds int) (m warm, err error) {
	m = warm{wall: map[string]sample{}, cpu: map[string]sample{}}
	running := map[string]*instance.Instance{}
	for _, program := range programs {
		in, err := w.start(program)
		if err != nil {
			return m, err
		}
		defer in.Stop()
		running[program] = in
	}
	for round := range rounds + 2 { // the first two warm up
		if round == 2 {
			m = warm{wall: map[string]sample{}, cpu: map[string]sample{}}
		}
		for _, i := range rand.Perm(len(programs)) {
			if err := w.sendBlock(ctx, programs[i], running[programs[i]], &m); err != nil {
				return m, err
			}
		}
		if err := w.postBlock(ctx, &m); err != nil {
			return m, err
		}
	}
	return m, nil
}

func (w *world) sendBlock(ctx context.Context, program string, in *instance.Instance, m *warm) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	used, err := in.CPU()
	if err != nil {
		return err
	}
	for range block {
		took, err := w.send(ctx, program, in)
		if err != nil {
			return err
		}
		m.wall[program] = append(m.wall[program], milliseconds(took))
	}
	now, err := in.CPU()
	m.cpu[program] = append(m.cpu[program], milliseconds(now-used)/block)
	return err
}

// postBlock sends VICIdial's two requests from here.
func (w *world) postBlock(ctx context.Context, m *warm) error {
	for range block {
		w.ring()
		begun := time.Now()
		for _, form := range []string{w.env["FORM_HANGUP"], w.env["FORM_CHECK"]} {
			if err := post(ctx, w.env["FORM_URL"], form); err != nil {
				return err
			}
		}
		m.direct = append(m.direct, milliseconds(time.Since(begun)))
	}
	return nil
}

func post(ctx context.Context, url, form string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(form))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// webhookCounts are those after which memory is looked at.
var webhookCounts = []int{1, 1_000, 10_000}

// endurance is what many webhooks leave behind.
type endurance struct {
	resident    map[string]map[int]float64 // by program and webhooks: bytes
	requests    float64                    // of ours to VICIdial, for each webhook
	connections float64                    // that they took in all
}

func (w *world) measureEndurance(ctx context.Context) (e endurance, err error) {
	e.resident = map[string]map[int]float64{}
	for _, program := range programs {
		before, connections := w.VICIdial.Count(""), w.VICIdial.Connections()
		if e.resident[program], err = w.endure(ctx, program); err != nil {
			return e, err
		}
		if program == ours {
			e.requests = float64(w.VICIdial.Count("")-before) / float64(webhookCounts[len(webhookCounts)-1])
			e.connections = float64(w.VICIdial.Connections() - connections)
		}
	}
	return e, nil
}

func (w *world) endure(ctx context.Context, program string) (resident map[int]float64, err error) {
	in, err := w.start(program)
	if err != nil {
		return nil, err
	}
	defer in.Stop()
	resident = map[int]float64{}
	sent := 0
	for _, count := range webhookCounts {
		for ; sent < count; sent++ {
			if _, err := w.send(ctx, program, in); err != nil {
				return nil, fmt.Errorf("webhook %d: %w", sent+1, err)
			}
		}
		bytes, err := in.Resident()
		if err != nil {
			return nil, err
		}
		resident[count] = float64(bytes)
	}
	return resident, nil
}
