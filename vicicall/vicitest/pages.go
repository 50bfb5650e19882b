package vicitest

import (
	"cmp"
	"regexp"
	"strings"
)

// Pages that take the place of the script's own, and what faults change in those.

const elsewhere = "https://dialer.example.com/agc/api.php"

var (
	empty      = page{status: 200, kind: utf8HTML}
	garbage    = page{status: 200, kind: "text/html", line: "<html><head><title>It works!</title></head><body><h1>Welcome</h1></body></html>\n"}
	badGateway = page{status: 502, kind: "text/html", line: "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n" +
		"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"}
)

// replace sends a page in place of what the script printed.
func replace(p page) func(*exchange) {
	return func(x *exchange) { x.page = p }
}

// instead sends a page in place of the script.
func instead(p page) func(*exchange) bool {
	return func(x *exchange) bool {
		x.page = p
		x.whole()
		return true
	}
}

// asObserved sends an observed page in place of the script.
func asObserved(version, condition string) func(*exchange) bool {
	return func(x *exchange) bool { return instead(Observed(version, condition).observed.page())(x) }
}

func redirects(x *exchange) bool {
	p := Observed("any", "plain http redirected to https (a POST followed as GET would lose its body; never follow with credentials)").observed.page()
	p.location = cmp.Or(x.fault.Location, elsewhere)
	p.line = strings.ReplaceAll(p.line, elsewhere, p.location)
	return instead(p)(x)
}

// restarts empties the list of calls before the script.
func restarts(x *exchange) bool {
	x.s.Restart()
	return false
}

// unanswered breaks off in place of the script.
func unanswered(send func(*exchange)) func(*exchange) bool {
	return func(x *exchange) bool {
		send(x)
		return true
	}
}

// waits delays the script; a server that closes meanwhile does nothing more.
func waits(x *exchange) bool {
	if !x.wait(nil) {
		x.close()
		return true
	}
	return false
}

// givesUp answers as a proxy that waits no longer, while the script goes on behind it.
func givesUp(x *exchange) bool {
	if waits(x) {
		return true
	}
	conn := x.conn()
	_, _ = conn.Write(badGateway.raw())
	_ = conn.Close()
	return !x.wait(nil)
}

// nothing sends nothing: the proxy has answered.
func nothing(*exchange) {}

func status500(x *exchange) {
	x.page.status = 500
	cleanPage(x)
}

// cleanPage is the line and nothing after it: the script died.
func cleanPage(x *exchange) { x.page.end = "" }

func couldNotConnect(x *exchange) {
	x.page.end = "Could not connect: 127.0.0.1:33099|qmConnection refused"
}

func logsOff(x *exchange) { x.s.LogOff(x.in.agentUser) }

var (
	callIDs = regexp.MustCompile(`[A-Za-z][0-9]{19}`)
	agents  = regexp.MustCompile(` - ([-_0-9A-Za-z]+)\|`)
)

// otherCall puts another id in the line, as of the same call a second earlier.
func otherCall(x *exchange) {
	x.page.line = callIDs.ReplaceAllStringFunc(x.page.line, func(id string) string {
		last := id[len(id)-1]
		return id[:len(id)-1] + string('0'+(last-'0'+1)%10)
	})
}

func otherAgent(x *exchange) { x.page.line = agents.ReplaceAllString(x.page.line, " - ${1}9|") }

// warnings and fatalShown print what PHP 8.2 was seen to print around the line of 2.14-82.
func warnings(x *exchange) {
	condition := "PHP warnings displayed, no active call"
	switch {
	case x.order != nil:
		condition = "PHP warnings displayed (PHP 8, display_errors=On, E_ALL & ~E_DEPRECATED & ~E_STRICT), success"
	case x.refused:
		condition = "PHP warnings displayed, wrong password"
	}
	x.around(condition)
}

func fatalShown(x *exchange) {
	x.around("QueueMetrics logging on and its MySQL unreachable; PHP >= 8.1, display_errors on")
}

// around takes the text before and after the line from an observed body.
func (x *exchange) around(condition string) {
	body := Observed(Version, condition).observed.Body
	start := max(strings.Index(body, "SUCCESS: "), strings.Index(body, "ERROR: "))
	end := start + strings.IndexByte(body[start:], '\n') + 1
	x.page.pre, x.page.end = body[:start]+x.page.pre, x.page.end+body[end:]
}
