package main

import (
	"errors"
	"testing"
)

func TestWrongFolder(t *testing.T) {
	if _, err := (flags{VICIdial: t.TempDir()}).run(t.Context()); !errors.Is(err, errNotSource) {
		t.Errorf("error %v, want that this is no source of VICIdial", err)
	}
}

func TestDoubleStagesEveryCondition(t *testing.T) {
	for _, s := range scenarios {
		if s.condition == "" || s.realOnly {
			continue
		}
		d := &double{}
		if err := d.reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.stage(t.Context(), s.condition); err != nil {
			t.Errorf("%s: %v", s.name, err)
		}
		d.stop()
	}
}
