package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"github.com/go-sql-driver/mysql"

	"vicihook/vicicall/vicitest"
)

// Accounts of every scenario: the double's defaults, which conditions.sql has too.
const (
	apiUser, apiPass       = vicitest.DefaultUser, vicitest.DefaultPass
	lookupUser, lookupPass = vicitest.DefaultLookupUser, vicitest.DefaultLookupPass
)

// A call is a live call of a remote agent's line.
type call struct {
	ID, Agent, Lead, Phone, Code string
}

// A state is a call in the tables after a scenario.
type state struct {
	Listed  bool
	Hangups int    // orders to Asterisk
	Booked  string // status of the lead
}

// A dialer is a VICIdial that scenarios can be staged in: the real one, or the double.
type dialer interface {
	url() string
	// reset brings back working accounts, the agents 1028 and 1029 without a call, and settings that work.
	reset(ctx context.Context) error
	addCall(ctx context.Context, c call) error
	// stage brings about a condition by its name.
	stage(ctx context.Context, condition string) error
	state(ctx context.Context, callID string) (state, error)
}

// reset implements dialer.
func (r *real) reset(ctx context.Context) error {
	if r.killed != nil { // its error has shown in the scenario
		<-r.killed
		r.killed = nil
	}
	if r.faulty {
		r.faulty = false
		r.stopProcess(&r.maria)
		if err := errors.Join(r.startMaria(ctx), r.startPHP(ctx)); err != nil {
			return err
		}
	}
	if err := r.bringAbout(ctx, "reset"); err != nil {
		return err
	}
	return errors.Join(r.addAgent(ctx, "1028"), r.addAgent(ctx, "1029"))
}

// addAgent logs a line of the remote agent 1028 in.
func (r *real) addAgent(ctx context.Context, user string) error {
	return errors.Join(
		r.exec(ctx, `INSERT INTO vicidial_users SET user=?, pass='nobody', full_name='Remote', user_level=1, user_group='AGENTS', active='Y'`, user),
		r.exec(ctx, `INSERT INTO vicidial_live_agents SET user=?, ra_user='1028', server_ip='10.0.0.9', conf_exten='8600051',
			extension=CONCAT('R/', user), status='READY', lead_id=0, campaign_id='TESTCAMP', callerid='', channel='', uniqueid='',
			last_update_time=NOW()`, user))
}

// addCall implements dialer.
func (r *real) addCall(ctx context.Context, c call) error {
	return errors.Join(
		r.exec(ctx, `INSERT INTO vicidial_list SET lead_id=?, user=?, vendor_lead_code=?, phone_number=?, entry_date=NOW(),
			status='INCALL', list_id=999, phone_code='1', called_since_last_reset='N'`, c.Lead, c.Agent, c.Code, c.Phone),
		r.exec(ctx, `INSERT INTO vicidial_auto_calls SET lead_id=?, uniqueid=?, callerid=?, channel=?, phone_number=?,
			server_ip='10.0.0.9', campaign_id='TESTCAMP', status='CLOSER', phone_code='1', call_time=NOW(), call_type='IN',
			last_update_time=NOW()`, c.Lead, "1795343640."+c.Lead, c.ID, channelOf(c.ID), c.Phone),
		r.exec(ctx, `UPDATE vicidial_live_agents SET status='INCALL', lead_id=?, callerid=?, uniqueid=?, channel=? WHERE user=?`,
			c.Lead, c.ID, "1795343640."+c.Lead, channelOf(c.ID), c.Agent))
}

// exec executes a statement in VICIdial's database. Tables and columns that a version lacks are skipped.
func (r *real) exec(ctx context.Context, statement string, values ...any) error {
	if _, err := r.db.ExecContext(ctx, statement, values...); err != nil && !isMissingTable(err) {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// state implements dialer.
func (r *real) state(ctx context.Context, callID string) (s state, err error) {
	row := r.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM vicidial_auto_calls WHERE callerid=?)>0,
		COALESCE((SELECT status FROM vicidial_list WHERE lead_id=?),'')`, callID, leadOf(callID))
	if err := row.Scan(&s.Listed, &s.Booked); err != nil {
		return s, err
	}
	row = r.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM vicidial_manager WHERE action='Hangup' AND cmd_line_b=?`,
		"Channel: "+channelOf(callID))
	if err := row.Scan(&s.Hangups); err != nil && !isMissingTable(err) {
		return s, err
	}
	return s, nil
}

func channelOf(callID string) string { return "SIP/x-" + leadOf(callID) }

//go:embed conditions.sql
var conditionsSQL string

// conditions are the statements of conditions.sql by name.
var conditions = func() map[string][]string {
	all := map[string][]string{}
	for _, section := range strings.Split(conditionsSQL, "\n-- = ")[1:] {
		name, statements, _ := strings.Cut(section, "\n")
		for statement := range strings.SplitSeq(strings.TrimSpace(statements), ";\n") {
			all[name] = append(all[name], statement)
		}
	}
	return all
}()

// bringAbout executes the statements of a condition.
func (r *real) bringAbout(ctx context.Context, condition string) error {
	for _, statement := range conditions[condition] {
		if err := r.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// stage implements dialer.
func (r *real) stage(ctx context.Context, condition string) error {
	if conditions[condition] != nil {
		r.faulty = r.faulty || condition == "manager table missing"
		return r.bringAbout(ctx, condition)
	}
	r.faulty = true
	switch condition {
	case "errors shown":
		return r.startPHP(ctx, "display_errors=On", "html_errors=On", "error_reporting=E_ALL")
	case "database down":
		r.stopProcess(&r.maria)
		return nil
	case "database frozen":
		return syscall.Kill(r.maria.Process.Pid, syscall.SIGSTOP)
	case "database restarted":
		if err := r.shutdown(ctx); err != nil {
			return err
		}
		return r.startMaria(ctx)
	case "database killed amid a HANGUP":
		return r.killAmidHangup(ctx)
	}
	return fmt.Errorf("no condition %q", condition)
}

// shutdown ends MariaDB as an administrator does.
func (r *real) shutdown(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "mariadb", "--no-defaults", "--socket="+r.socket, "--user=root", "-e", "SHUTDOWN").CombinedOutput()
	if err != nil {
		return fmt.Errorf("shutting MariaDB down: %w\n%s", err, out)
	}
	_ = r.maria.Wait() // its status says nothing more
	r.maria = nil
	return nil
}

// killAmidHangup locks a table, so that the next HANGUP prints SUCCESS and waits. The database is then killed and started
// again.
func (r *real) killAmidHangup(ctx context.Context) error {
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return err
	}
	if _, err := conn.ExecContext(ctx, "LOCK TABLES vicidial_manager WRITE"); err != nil {
		return err
	}
	r.killed = make(chan error, 1)
	go func() {
		defer conn.Close() // the server is gone
		err := waitUntil(ctx, "a HANGUP", func() error {
			var waiting int
			row := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'")
			if err := row.Scan(&waiting); err != nil {
				return err
			}
			if waiting == 0 {
				return errNoneWaits
			}
			return nil
		})
		if err == nil {
			r.stopProcess(&r.maria)
			err = r.startMaria(ctx)
		}
		r.killed <- err
	}()
	return nil
}

var errNoneWaits = errors.New("no HANGUP waits for the table")

// isMissingTable reports whether a statement names a table that an older or newer VICIdial does not have.
func isMissingTable(err error) bool {
	var e *mysql.MySQLError
	return errors.As(err, &e) && (e.Number == 1146 || e.Number == 1054)
}
