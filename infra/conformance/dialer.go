package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"github.com/go-sql-driver/mysql"

	"vicihook/vicicall/vicitest"
)

// Accounts of every scenario: the double's defaults.
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
	statements := []string{
		"RENAME TABLE vicidial_manager_away TO vicidial_manager",
		"SET GLOBAL sql_mode='NO_ENGINE_SUBSTITUTION'",
		"TRUNCATE vicidial_auto_calls", "TRUNCATE vicidial_live_agents", "TRUNCATE vicidial_manager", "TRUNCATE vicidial_users",
		"TRUNCATE vicidial_list", "TRUNCATE servers", "DELETE FROM vicidial_user_groups",
		"TRUNCATE vicidial_api_log", "TRUNCATE vicidial_api_urls", "DELETE FROM vicidial_languages", "DELETE FROM vicidial_language_phrases",
		"TRUNCATE vicidial_ip_lists", "TRUNCATE vicidial_ip_list_entries",
		"INSERT INTO vicidial_user_groups SET user_group='ADMIN', group_name='admin', allowed_campaigns=' -ALL-CAMPAIGNS- - -', agent_status_viewable_groups=' --ALL-GROUPS-- ', admin_viewable_groups=' ---ALL--- '",
		"INSERT INTO vicidial_user_groups SET user_group='AGENTS', group_name='agents', allowed_campaigns=' -ALL-CAMPAIGNS- - -', agent_status_viewable_groups=' AGENTS ', admin_viewable_groups=' AGENTS '",
		"INSERT INTO servers SET server_id='ast', server_description='ast', server_ip='10.0.0.9', active='Y', active_asterisk_server='Y'",
		"UPDATE system_settings SET vdc_agent_api_active='1', enable_queuemetrics_logging='0', webroot_writable='0', pass_hash_enabled='0', enable_languages='0', allow_ip_lists='0'",
		"INSERT INTO vicidial_users SET user='" + apiUser + "', pass='" + apiPass + "', full_name='api', user_level=1, user_group='ADMIN', active='Y', vdc_agent_api_access='1', api_allowed_functions=' ra_call_control ', view_reports='0'",
		"INSERT INTO vicidial_users SET user='" + lookupUser + "', pass='" + lookupPass + "', full_name='lookup', user_level=7, user_group='ADMIN', active='Y', vdc_agent_api_access='1', api_allowed_functions=' agent_status logged_in_agents ', view_reports='1'",
	}
	if err := r.run(ctx, statements...); err != nil {
		return err
	}
	return errors.Join(r.addAgent(ctx, "1028"), r.addAgent(ctx, "1029"))
}

// addAgent logs a line of the remote agent 1028 in.
func (r *real) addAgent(ctx context.Context, user string) error {
	return r.run(ctx,
		"INSERT INTO vicidial_users SET user='"+user+"', pass='nobody', full_name='Remote "+user+"', user_level=1, user_group='AGENTS', active='Y'",
		"INSERT INTO vicidial_live_agents SET user='"+user+"', ra_user='1028', server_ip='10.0.0.9', conf_exten='8600051', extension='R/"+user+"', status='READY', lead_id=0, campaign_id='TESTCAMP', callerid='', channel='', uniqueid='', last_update_time=NOW()")
}

func (r *real) run(ctx context.Context, statements ...string) error {
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, "USE `"+database+"`"); err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil && !isMissingTable(err) {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

// addCall implements dialer.
func (r *real) addCall(ctx context.Context, c call) error {
	return r.run(ctx,
		"INSERT INTO vicidial_list SET lead_id="+c.Lead+", entry_date=NOW(), status='INCALL', user='"+c.Agent+"', vendor_lead_code='"+c.Code+"', list_id=999, phone_code='1', phone_number='"+c.Phone+"', called_since_last_reset='N'",
		"INSERT INTO vicidial_auto_calls SET server_ip='10.0.0.9', campaign_id='TESTCAMP', status='CLOSER', lead_id="+c.Lead+", uniqueid='1795343640."+c.Lead+"', callerid='"+c.ID+"', channel='SIP/x-"+c.Lead+"', phone_code='1', phone_number='"+c.Phone+"', call_time=NOW(), call_type='IN', last_update_time=NOW()",
		"UPDATE vicidial_live_agents SET status='INCALL', lead_id="+c.Lead+", callerid='"+c.ID+"', uniqueid='1795343640."+c.Lead+"', channel='SIP/x-"+c.Lead+"' WHERE user='"+c.Agent+"'",
	)
}

// state implements dialer.
func (r *real) state(ctx context.Context, callID string) (s state, err error) {
	tables := "`" + database + "`."
	row := r.db.QueryRowContext(ctx, "SELECT (SELECT COUNT(*) FROM "+tables+"vicidial_auto_calls WHERE callerid=?)>0,"+
		" COALESCE((SELECT status FROM "+tables+"vicidial_list WHERE lead_id=?),'')", callID, leadOf(callID))
	if err := row.Scan(&s.Listed, &s.Booked); err != nil {
		return s, err
	}
	row = r.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+tables+"vicidial_manager WHERE action='Hangup' AND cmd_line_b=?", "Channel: "+channelOf(callID))
	if err := row.Scan(&s.Hangups); err != nil && !isMissingTable(err) {
		return s, err
	}
	return s, nil
}

func channelOf(callID string) string { return "SIP/x-" + leadOf(callID) }

// conditions are statements for the real one's database, by the name of what they bring about.
var conditions = map[string][]string{
	"wrong password":             {"UPDATE vicidial_users SET pass='0ther' WHERE user='" + apiUser + "'"},
	"inactive account":           {"UPDATE vicidial_users SET active='N' WHERE user='" + apiUser + "'"},
	"account of level 0":         {"UPDATE vicidial_users SET user_level=0 WHERE user='" + apiUser + "'"},
	"no agent API access":        {"UPDATE vicidial_users SET vdc_agent_api_access='0' WHERE user='" + apiUser + "'"},
	"function not allowed":       {"UPDATE vicidial_users SET api_allowed_functions=' version ' WHERE user='" + apiUser + "'"},
	"agent API off":              {"UPDATE system_settings SET vdc_agent_api_active='0'"},
	"account locked":             {"UPDATE vicidial_users SET failed_login_count=10, last_login_date=NOW() WHERE user='" + apiUser + "'"},
	"address not in the IP list": {"UPDATE system_settings SET allow_ip_lists='1'", "UPDATE vicidial_user_groups SET api_ip_list='office' WHERE user_group='ADMIN'", "INSERT INTO vicidial_ip_lists SET ip_list_id='office', ip_list_name='office', active='Y', user_group='---ALL---'", "INSERT INTO vicidial_ip_list_entries SET ip_list_id='office', ip_address='203.0.113.7'"},
	"no active server":           {"UPDATE servers SET active_asterisk_server='N'"},
	"agent logged off":           {"DELETE FROM vicidial_live_agents WHERE user='1028'"},
	"call ended":                 {"DELETE FROM vicidial_auto_calls"},
	"strict SQL":                 {"SET GLOBAL sql_mode='STRICT_ALL_TABLES'"},
	"QueueMetrics down":          {"UPDATE system_settings SET enable_queuemetrics_logging='1', queuemetrics_server_ip='127.0.0.1', queuemetrics_dbname='none', queuemetrics_login='none', queuemetrics_pass='none', queuemetrics_log_id='x'"},
	"manager table missing":      {"RENAME TABLE vicidial_manager TO vicidial_manager_away"},
	"lookup of level 6":          {"UPDATE vicidial_users SET user_level=6 WHERE user='" + lookupUser + "'"},
	"lookup without reports":     {"UPDATE vicidial_users SET view_reports='0' WHERE user='" + lookupUser + "'"},
	"lookup without API access":  {"UPDATE vicidial_users SET vdc_agent_api_access='0' WHERE user='" + lookupUser + "'"},
	"lookup without function":    {"UPDATE vicidial_users SET api_allowed_functions=' version ' WHERE user='" + lookupUser + "'"},
	"lookup group can't view":    {"UPDATE vicidial_user_groups SET agent_status_viewable_groups=' OTHERS ' WHERE user_group='ADMIN'", "UPDATE vicidial_user_groups SET admin_viewable_groups=' OTHERS ' WHERE user_group='ADMIN'"},
	"lookup password wrong":      {"UPDATE vicidial_users SET pass='0ther' WHERE user='" + lookupUser + "'"},
	"line without a user":        {"DELETE FROM vicidial_users WHERE user='1028'"},
	"call dead in the list":      {"DELETE FROM vicidial_auto_calls"},
	"account in another language": {"UPDATE system_settings SET enable_languages='1', language_method='MYSQL'", "INSERT INTO vicidial_languages SET language_id='es', language_code='es', language_description='es', user_group='---ALL---', active='Y'",
		"INSERT INTO vicidial_language_phrases SET language_id='es', english_text='SUCCESS', translated_text='OPERACION CORRECTA', source='x'", "UPDATE vicidial_users SET selected_language='es' WHERE user='" + apiUser + "'"},
}

// stage implements dialer.
func (r *real) stage(ctx context.Context, condition string) error {
	if statements, ok := conditions[condition]; ok {
		r.faulty = r.faulty || condition == "manager table missing"
		return r.run(ctx, statements...)
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
	if _, err := conn.ExecContext(ctx, "LOCK TABLES `"+database+"`.vicidial_manager WRITE"); err != nil {
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
