package vicitest

import (
	"cmp"
	"regexp"
	"strings"
)

// Pages that take the place of the script's own, and what faults make of those.

const elsewhere = "https://dialer.example.com/agc/api.php"

var (
	empty      = page{status: 200, kind: utf8HTML}
	garbage    = page{status: 200, kind: "text/html", line: "<html><head><title>It works!</title></head><body><h1>Welcome</h1></body></html>\n"}
	badGateway = page{status: 502, kind: "text/html", line: "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n" +
		"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"}
)

// answer sends the page in place of the script.
func answer(p page) func(*exchange) bool {
	return func(x *exchange) bool {
		whole(x, p)
		return true
	}
}

// asObserved sends an observed page in place of the script.
func asObserved(version, condition string) func(*exchange) bool {
	return func(x *exchange) bool {
		whole(x, mustObserve(version, condition).page())
		return true
	}
}

func redirects(x *exchange) bool {
	p := mustObserve("any", "plain http redirected to https (a POST followed as GET would lose its body; never follow with credentials)").page()
	p.location = cmp.Or(x.fault.Location, elsewhere)
	p.line = strings.ReplaceAll(p.line, elsewhere, p.location)
	whole(x, p)
	return true
}

// restarts empties the list of calls before the script.
func restarts(x *exchange) bool {
	x.s.Restart()
	return false
}

// unanswered breaks off in place of the script.
func unanswered(send func(*exchange, page)) func(*exchange) bool {
	return func(x *exchange) bool {
		send(x, page{})
		return true
	}
}

// waits delays the script; a server that closes meanwhile does nothing more.
func waits(x *exchange) bool {
	if !x.wait(nil) {
		closeConn(x, page{})
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
	conn.Write(badGateway.raw())
	conn.Close()
	return !x.wait(nil)
}

// unheard sends nothing: the answer was another's.
func unheard(*exchange, page) {}

// replace hides what the script printed.
func replace(p page) func(*exchange, *script) {
	return func(_ *exchange, c *script) { c.page = p }
}

func status500(_ *exchange, c *script) {
	c.page.status = 500
	cleanPage(nil, c)
}

// cleanPage is the line and nothing after it: the script died.
func cleanPage(_ *exchange, c *script) { c.page.end = "" }

func couldNotConnect(_ *exchange, c *script) {
	c.page.end = "Could not connect: 127.0.0.1:33099|qmConnection refused"
}

func logsOff(x *exchange, c *script) { x.s.LogOff(c.in.agentUser) }

var (
	callIDs = regexp.MustCompile(`[A-Za-z][0-9]{19}`)
	agents  = regexp.MustCompile(` - ([-_0-9A-Za-z]+)\|`)
)

// otherCall puts another id in the line: the same call a second earlier, so to speak.
func otherCall(_ *exchange, c *script) {
	c.page.line = callIDs.ReplaceAllStringFunc(c.page.line, func(id string) string {
		last := id[len(id)-1]
		return id[:len(id)-1] + string('0'+(last-'0'+1)%10)
	})
}

func otherAgent(_ *exchange, c *script) {
	c.page.line = agents.ReplaceAllString(c.page.line, " - ${1}9|")
}

// warnings and fatalShown print what PHP 8.2 was seen to print around the line of 2.14-82.
func warnings(_ *exchange, c *script) {
	condition := "PHP warnings displayed, no active call"
	switch {
	case c.order != nil:
		condition = "PHP warnings displayed (PHP 8, display_errors=On, E_ALL & ~E_DEPRECATED & ~E_STRICT), success"
	case c.passwordStored:
		condition = "PHP warnings displayed, wrong password"
	}
	around(c, condition)
}

func fatalShown(_ *exchange, c *script) {
	around(c, "QueueMetrics logging on and its MySQL unreachable; PHP >= 8.1, display_errors on")
}

// around takes the text before and after the line from an observed body.
func around(c *script, condition string) {
	body := mustObserve(Version, condition).Body
	start := strings.Index(body, "SUCCESS: ")
	if start < 0 {
		start = strings.Index(body, "ERROR: ")
	}
	end := start + strings.IndexByte(body[start:], '\n') + 1
	c.page.pre, c.page.end = body[:start]+c.page.pre, c.page.end+body[end:]
}
