// Command conformance runs the function against a real VICIdial: its own PHP, from a checkout of its source, on a
// MariaDB with its own schema. Each outcome is compared with VICIdial's tables. Then the same scenarios run against
// vicitest, so that the double is known to answer equally.
//
//	go run . --vicidial DIR [--sql FILE]      in the folder infra/conformance; make conformance VICIDIAL=DIR
//
// It needs Debian's php-cli, php-mysql and mariadb-server, listens on loopback only, and ends and removes all that it
// started. Exit status 0 when every outcome is right, 1 when one is not, 2 when it could not start.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"
)

type flags struct {
	VICIdial string `name:"vicidial" required:"" placeholder:"DIR" help:"A checkout of VICIdial's source, the folder that holds www."`
	SQL      string `name:"sql" placeholder:"FILE" help:"VICIdial's schema. Default: extras/MySQL_AST_CREATE_tables.sql in DIR."`
	Only     string `placeholder:"NAME" help:"Run the scenario of this name only."`
}

func main() {
	var f flags
	kong.Parse(&f, kong.Name("conformance"), kong.Description("Run the function against a real VICIdial's PHP."))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	wrong, err := f.run(ctx)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	case wrong > 0:
		fmt.Fprintf(os.Stderr, "conformance: %d scenarios went wrong\n", wrong)
		os.Exit(1)
	}
}

var errNoScenario = errors.New("no scenario has this name")

func (f flags) run(ctx context.Context) (wrong int, err error) {
	if err := isSource(f.VICIdial); err != nil {
		return 0, err
	}
	b, err := build(ctx)
	if err != nil {
		return 0, err
	}
	defer b.remove()
	fmt.Println("starting MariaDB and VICIdial's PHP")
	r, err := startReal(ctx, f.VICIdial, cmp.Or(f.SQL, filepath.Join(f.VICIdial, "extras", "MySQL_AST_CREATE_tables.sql")))
	if err != nil {
		return 0, err
	}
	defer r.stop()
	canFind, err := printVersions(ctx, r)
	if err != nil {
		return 0, err
	}
	d := &double{}
	defer d.stop()
	var t report
	fmt.Printf(columns, "scenario", "want", "real", "double", "tables")
	for _, s := range scenarios {
		if !f.wants(s.name) || s.looksUp() && !canFind {
			continue
		}
		onDouble := verdict{outcome: "-"}
		if !s.realOnly {
			onDouble = b.play(ctx, d, s)
		}
		t.row(s.name, s.outcome, b.play(ctx, r, s), onDouble)
	}
	for _, c := range crowds {
		if f.wants(c.name) {
			t.row(c.name, "not listed", b.playCrowd(ctx, r, c), verdict{outcome: "-"})
		}
	}
	if t.rows == 0 {
		return 0, errNoScenario
	}
	fmt.Printf("%d scenarios, %d wrong\n", t.rows, t.wrong)
	return t.wrong, ctx.Err()
}

func (f flags) wants(name string) bool { return f.Only == "" || f.Only == name }

// printVersions prints the versions of both APIs, and returns whether the non-agent API runs on this machine's PHP.
func printVersions(ctx context.Context, r *real) (canFind bool, err error) {
	version, err := r.version(ctx, "/agc/api.php")
	if err != nil {
		return false, err
	}
	fmt.Println("agent API      ", version)
	version, err = r.version(ctx, "/vicidial/non_agent_api.php")
	if err != nil {
		version = "does not run on this PHP, so that finding is left out: " + err.Error()
	}
	fmt.Println("non-agent API  ", version)
	return err == nil, nil
}

const columns = "%-44s %-22s %-22s %-22s %s\n"

// A report prints a table, row by row.
type report struct{ rows, wrong int }

func (t *report) row(name, want string, onReal, onDouble verdict) {
	t.rows++
	right := "right"
	if wrong := cmp.Or(onReal.wrong, onDouble.wrong); wrong != "" {
		t.wrong++
		right = "WRONG: " + wrong
	}
	fmt.Printf(columns, name, want, onReal.outcome, onDouble.outcome, right)
}
