package vicitest

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// The agent API that is computed.
const (
	Version = "2.14-82" // of January 2025
	build   = "250122-1010"
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

// A script is one run of agc/api.php or non_agent_api.php. Its methods are called with the server locked.
type script struct {
	s       *Server
	in      input
	address string // REMOTE_ADDR
	user    *User  // nil: no such user

	page           page
	call           *call
	holder         *Agent      // who held the call when SUCCESS was printed, if anybody
	order          *ManagerRow // what SUCCESS promises; nil when nothing is to be done
	passwordStored bool
	valueHidden    bool              // the value is the password
	words          map[string]string // the user's language
	blind          string            // a table that is broken and reads as empty
	strict         bool              // SQL refuses a status that is too long
}

// check runs agc/api.php up to its answer. What SUCCESS promises is left to work.
func (c *script) check() {
	c.user = c.s.users[fold(c.in.user)]
	if c.words == nil && c.user != nil {
		c.words = c.user.Words
	}
	switch {
	case c.in.function == "version":
		c.version()
	case len(c.in.source) < 2:
		c.fail("Invalid Source", " - ", c.in.source)
	case c.refused():
	case c.s.settings.APIInactive:
		c.fail("System API NOT ACTIVE", "", "")
	case c.in.function == "ra_call_control":
		c.callControl()
	}
}

func (c *script) version() {
	now := c.s.now()
	c.page.line = fmt.Sprintf("%s %s|%s %s|%s %s|%s %d\n", c.word("VERSION:"), c.s.version, c.word("BUILD:"), build,
		c.word("DATE:"), now.Format(time.DateTime), c.word("EPOCH:"), now.Unix())
	c.log("SUCCESS", "")
}

// callControl is function=ra_call_control up to its answer.
func (c *script) callControl() {
	in := c.in
	switch {
	case in.value == "" || in.agentUser == "" || in.stage == "":
		c.fail("ra_call_control not valid", " - ", in.value+"|"+in.agentUser+"|"+in.stage)
	case !c.permitted():
		c.fail("auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION", " - ", in.value+"|"+in.user+"|"+in.function+"|"+c.user.Group)
	case !c.agentLoggedIn():
		c.fail("agent_user is not logged in", " - ", in.agentUser)
	case !c.callListed():
		c.fail("no active call found", " - ", in.value)
	case in.stage != "HANGUP":
		c.fail("stage is not valid", " - ", in.stage)
	default:
		c.promise()
	}
}

// permitted wants the function's name between spaces on both sides.
func (c *script) permitted() bool {
	allowed := c.user.AllowedFunctions
	return strings.Contains(allowed, " "+c.in.function+" ") || strings.Contains(allowed, "ALL_FUNCTIONS")
}

func (c *script) agentLoggedIn() bool {
	return c.s.agents[fold(c.in.agentUser)] != nil && c.blind != "vicidial_live_agents"
}

func (c *script) callListed() bool {
	c.call = c.s.calls[fold(c.in.value)]
	return c.call != nil && c.call.Listed && c.blind != "vicidial_auto_calls"
}

// promise prints SUCCESS. Nothing is done yet, and nothing will be where the word was translated.
func (c *script) promise() {
	c.holder = c.s.holder(c.in.value)
	c.say("SUCCESS", "ra_call_control hungup", " - ", c.in.agentUser+"|"+c.in.value+"|HANGUP")
	if c.word("SUCCESS") == "SUCCESS" {
		id := c.in.value
		if len(id) >= 4 {
			id = "HAPI" + id[4:]
		}
		c.order = &ManagerRow{Action: "Hangup", CallerID: id, Channel: c.call.channel}
	}
}

// steps are the parts of the work that SUCCESS promises, in their order.
type steps uint8

const (
	booking    steps = 1 << iota // status of log and lead
	ordering                     // the row in vicidial_manager
	sending                      // Asterisk gets that order: the line goes down
	clearing                     // the agent's row is emptied of the call
	readying                     // the agent becomes READY
	delisting                    // the row of vicidial_auto_calls is deleted
	everything = booking | ordering | sending | clearing | readying | delisting
)

// work does what SUCCESS promised, but for the steps left out. The agent released is the one who held the call when it
// was looked up, whoever the request named and even where that agent talks to somebody else by now.
func (c *script) work(without steps) {
	if c.order == nil {
		return
	}
	do := everything &^ without
	if do&booking != 0 && (!c.strict || len(c.in.status) <= 6) {
		c.call.Disposition = cut(cmp.Or(c.in.status, "RAXFER"), 6)
		if c.call.Kind == Outbound {
			c.call.BookedTo = c.in.agentUser
		}
	}
	if do&ordering != 0 {
		c.s.manager = append(c.s.manager, *c.order)
		c.call.LineUp = c.call.LineUp && do&sending == 0
	}
	if c.holder != nil && do&clearing != 0 {
		c.holder.CallID = ""
	}
	if c.holder != nil && do&readying != 0 {
		c.holder.Status = "READY"
	}
	if do&delisting != 0 {
		c.call.Listed = false
	}
}

// fail prints an error line and logs it.
func (c *script) fail(reason, separator, data string) { c.say("ERROR", reason, separator, data) }

func (c *script) say(result, reason, separator, data string) {
	c.page.line = c.word(result) + ": " + c.word(reason) + separator + data + "\n"
	c.log(result, reason)
}

// word translates a phrase into the user's language.
func (c *script) word(english string) string {
	if own, ok := c.words[english]; ok {
		return own
	}
	return english
}
