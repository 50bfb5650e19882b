package vicitest

import (
	"fmt"
	"strconv"
	"time"
)

// A page is what PHP printed: text around the one line that matters.
type page struct {
	status         int
	kind           string // content type
	caching        bool   // with the headers that forbid it
	location       string // of a redirect
	pre, line, end string // line ends with its newline, where it has one
}

const utf8HTML = "text/html; charset=utf-8" // set by the script

func scriptPage() page { return page{status: 200, kind: utf8HTML, caching: true} }

func (p page) body() string { return p.pre + p.line + p.end }

// A script is one run of agc/api.php. Its methods are called with the server locked.
type script struct {
	s       *Server
	rules   rules
	in      input
	address string // REMOTE_ADDR
	user    *User  // nil: no such user
	debug   bool   // SQL statements are shown
	html    bool   // format=debug

	page           page
	call           *call
	holder         *Agent      // who held the call when SUCCESS was printed, if anybody
	ended          bool        // the script exits: nothing stands below its answer
	order          *ManagerRow // what SUCCESS promises; nil when nothing is to be done
	passwordStored bool
	valueHidden    bool              // the value is the password
	words          map[string]string // the user's language
	blind          string            // a table that is broken and reads as empty
	strict         bool              // SQL refuses a status that is too long
}

// check runs the script up to its answer. What SUCCESS promises is left to work.
func (c *script) check() {
	c.debug = truthy(c.in.debug) && (!c.rules.debugGuard || c.s.settings.WebDebug)
	c.user = c.s.users[fold(c.in.user)]
	if c.words == nil && c.user != nil && c.rules.translates {
		c.words = c.user.Words
	}
	c.showLookups()
	if c.version() || c.coffee() || c.badSource() || c.refused() || c.inactive() {
		c.ended = true
		return
	}
	c.prelude()
	c.ended = c.in.function == "ra_call_control" && !c.callControl()
}

func (c *script) version() bool {
	if c.in.function != "version" {
		return false
	}
	now := c.s.now()
	c.page.line = fmt.Sprintf("%s %s|%s %s|%s %s|%s %d\n", c.word("VERSION:"), c.s.era, c.word("BUILD:"), c.rules.build,
		c.word("DATE:"), now.Format(time.DateTime), c.word("EPOCH:"), now.Unix())
	c.log("SUCCESS", "")
	return true
}

func (c *script) coffee() bool {
	switch c.in.function {
	case "coffee", "start_coffee", "make_coffee", "brew_coffee":
	default:
		return false
	}
	if !c.rules.teapot {
		return false
	}
	c.page.status = 418
	c.page.line = c.word("Coffee") + ": " + c.in.function + "|Error 418 I'm a teapot"
	c.log("ERROR", "")
	return true
}

func (c *script) badSource() bool {
	if len(c.in.source) >= 2 {
		return false
	}
	c.fail("Invalid Source", c.in.source)
	return true
}

func (c *script) inactive() bool {
	c.sql("|SELECT count(*) from system_settings where vdc_agent_api_active='1';|")
	if !c.s.settings.APIInactive {
		return false
	}
	c.failAs("System API NOT ACTIVE", "", "")
	return true
}

// finish prints what stands below the answer.
func (c *script) finish() {
	if c.ended {
		return
	}
	if n, err := strconv.Atoi(c.in.closeLink); err == nil && n > 0 {
		c.print("\n<a href=\"javascript:window.opener='x';window.close();\">Close This Window</a>\n")
	}
	if c.html {
		c.print("\n<!-- script runtime: 0 seconds -->\n</body>\n</html>\n")
	}
}

// fail prints an error line and logs it.
func (c *script) fail(reason, data string) { c.failAs(reason, " - ", data) }

func (c *script) failAs(reason, separator, data string) { c.say("ERROR", reason, separator, data) }

func (c *script) say(result, reason, separator, data string) {
	c.page.line = c.word(result) + ": " + c.word(reason) + separator + data + "\n"
	c.log(result, reason)
}

// print adds text before the line, or after it once it stands.
func (c *script) print(text string) {
	if c.page.line == "" {
		c.page.pre += text
	} else {
		c.page.end += text
	}
}

func (c *script) sql(format string, args ...any) {
	if c.debug {
		c.print(fmt.Sprintf(format, args...) + "\n")
	}
}

func (c *script) comment(format string, args ...any) {
	if c.html {
		c.print("\n<!-- " + fmt.Sprintf(format, args...) + " -->")
	}
}

// word translates a phrase into the user's language.
func (c *script) word(english string) string {
	if own, ok := c.words[english]; ok {
		return own
	}
	return english
}

// truthy is PHP's view of a text.
func truthy(s string) bool { return s != "" && s != "0" }
