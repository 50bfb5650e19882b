package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
)

// configFile names the database of a real VICIdial to its PHP.
const configFile = "/etc/astguiclient.conf"

// The database that VICIdial's PHP uses if there is no configFile.
const (
	database     = "1234"
	databaseUser = "cron"
	databasePass = "1234"
)

var (
	errMissing   = errors.New("missing on this machine")
	errNotSource = errors.New("is no checkout of VICIdial's source: it has no www/agc/api.php")
)

// isSource rejects a folder that holds no VICIdial.
func isSource(folder string) error {
	if _, err := os.Stat(filepath.Join(folder, "www", "agc", "api.php")); err != nil {
		return fmt.Errorf("%s %w", folder, errNotSource)
	}
	return nil
}

// A real is VICIdial's own PHP on a MariaDB of its own, both on loopback and in a temporary folder.
type real struct {
	folder string
	db     *sql.DB
	maria  *exec.Cmd
	php    *exec.Cmd
	port   string
	socket string
	faulty bool       // needs a fresh start before the next scenario
	killed chan error // receives when a database killed amid a HANGUP was started again
}

// startReal starts MariaDB and PHP for a checkout of VICIdial's source. schema is its MySQL_AST_CREATE_tables.sql.
func startReal(ctx context.Context, source, schema string) (*real, error) {
	if _, err := os.Stat(configFile); err == nil {
		return nil, fmt.Errorf("%s exists: this is a VICIdial server, whose own database the scenarios would change", configFile)
	}
	for _, need := range []struct{ program, pack string }{
		{"mariadbd", "mariadb-server"}, {"mariadb-install-db", "mariadb-server"}, {"mariadb", "mariadb-client"}, {"php", "php-cli"},
	} {
		if _, err := exec.LookPath(need.program); err != nil {
			return nil, fmt.Errorf("%s is %w: apt-get install %s", need.program, errMissing, need.pack)
		}
	}
	if out, err := exec.CommandContext(ctx, "php", "-m").Output(); err != nil || !bytes.Contains(out, []byte("mysqli")) {
		return nil, fmt.Errorf("PHP's mysqli is %w: apt-get install php-mysql", errMissing)
	}
	folder, err := os.MkdirTemp("", "vicihook-conformance-")
	if err != nil {
		return nil, err
	}
	r := &real{folder: folder, socket: filepath.Join(folder, "sock")}
	if err := r.start(ctx, source, schema); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

func (r *real) start(ctx context.Context, source, schema string) error {
	web := filepath.Join(r.folder, "web")
	for _, part := range []string{"agc", "vicidial"} {
		if err := os.CopyFS(filepath.Join(web, part), os.DirFS(filepath.Join(source, "www", part))); err != nil {
			return err
		}
	}
	data := filepath.Join(r.folder, "data")
	install := exec.CommandContext(ctx, "mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal",
		"--skip-test-db", "--datadir="+data)
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("mariadb-install-db: %w\n%s", err, out)
	}
	if err := r.startMaria(ctx); err != nil {
		return err
	}
	tables, err := os.Open(schema)
	if err != nil {
		return err
	}
	defer tables.Close()
	create := "CREATE DATABASE `" + database + "`; USE `" + database + "`; GRANT ALL ON `" + database + "`.* TO '" +
		databaseUser + "'@'localhost' IDENTIFIED BY '" + databasePass + "';\n"
	load := exec.CommandContext(ctx, "mariadb", "--no-defaults", "--socket="+r.socket, "--user=root", "--force")
	load.Stdin = io.MultiReader(strings.NewReader(create), tables)
	if out, err := load.CombinedOutput(); err != nil && !bytes.Contains(out, []byte("ERROR")) { // --force goes on at what this MariaDB refuses
		return fmt.Errorf("loading %s: %w\n%s", schema, err, out)
	}
	return r.startPHP(ctx)
}

func (r *real) startMaria(ctx context.Context) error {
	account, err := user.Current()
	if err != nil {
		return err
	}
	r.maria = exec.Command("mariadbd", "--no-defaults", "--user="+account.Username, "--datadir="+filepath.Join(r.folder, "data"),
		"--socket="+r.socket, "--skip-networking", "--pid-file="+filepath.Join(r.folder, "pid"),
		"--log-error="+filepath.Join(r.folder, "mariadb.log"), "--sql-mode=NO_ENGINE_SUBSTITUTION", "--innodb-buffer-pool-size=32M",
		"--lock-wait-timeout=20")
	if err := r.maria.Start(); err != nil {
		return err
	}
	if r.db == nil {
		config := mysql.NewConfig()
		config.Net, config.Addr, config.User, config.DBName = "unix", r.socket, "root", database
		config.Logger = &mysql.NopLogger{}
		connector, err := mysql.NewConnector(config)
		if err != nil {
			return err
		}
		r.db = sql.OpenDB(connector)
		r.db.SetMaxIdleConns(0) // a restart leaves none that is dead
	}
	return waitUntil(ctx, "MariaDB", func() error {
		err := r.db.PingContext(ctx)
		if answer := (*mysql.MySQLError)(nil); errors.As(err, &answer) {
			return nil // at first it has no such database
		}
		return err
	})
}

// startPHP starts PHP's own web server with settings as PHP's -d takes them.
func (r *real) startPHP(ctx context.Context, settings ...string) error {
	r.stopProcess(&r.php)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, r.port, _ = net.SplitHostPort(listener.Addr().String())
	if err := listener.Close(); err != nil {
		return err
	}
	args := []string{"-S", "127.0.0.1:" + r.port, "-t", filepath.Join(r.folder, "web")}
	for _, setting := range append([]string{
		"mysqli.default_socket=" + r.socket, "output_buffering=4096", "date.timezone=UTC", "display_errors=Off",
		"log_errors=On", "error_log=" + filepath.Join(r.folder, "php.log"),
		"error_reporting=E_ALL & ~E_DEPRECATED & ~E_NOTICE & ~E_WARNING",
	}, settings...) { // PHP uses the last of a name
		args = append(args, "-d", setting)
	}
	r.php = exec.Command("php", args...)
	r.php.Env = append(os.Environ(), "PHP_CLI_SERVER_WORKERS=12")
	r.php.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := r.php.Start(); err != nil {
		return err
	}
	return waitUntil(ctx, "PHP", func() error {
		_, err := r.version(ctx, "/agc/api.php")
		return err
	})
}

// version asks one of the APIs for its version, which needs no account.
func (r *real) version(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url()+path+"?function=version", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err == nil && !bytes.Contains(text, []byte("VERSION: ")) {
		err = fmt.Errorf("GET %s: HTTP %d: %s", path, response.StatusCode, strings.TrimSpace(string(text)))
	}
	return strings.TrimSpace(string(text)), err
}

func (r *real) url() string { return "http://127.0.0.1:" + r.port }

// waitUntil waits until a server is ready, for at most half a minute.
func waitUntil(ctx context.Context, what string, ready func() error) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s did not start: %w", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (r *real) stopProcess(cmd **exec.Cmd) {
	if *cmd == nil || (*cmd).Process == nil {
		return
	}
	pid := (*cmd).Process.Pid
	if (*cmd).SysProcAttr != nil && (*cmd).SysProcAttr.Setpgid {
		pid = -pid
	}
	_ = syscall.Kill(pid, syscall.SIGCONT) // a frozen one can't end
	_ = syscall.Kill(pid, syscall.SIGKILL)
	_ = (*cmd).Wait() // it was killed
	*cmd = nil
}

// stop ends both servers and removes all that they wrote.
func (r *real) stop() {
	r.stopProcess(&r.php)
	r.stopProcess(&r.maria)
	if r.db != nil {
		_ = r.db.Close()
	}
	_ = os.RemoveAll(r.folder)
}
