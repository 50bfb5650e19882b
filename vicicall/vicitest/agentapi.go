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

// check runs agc/api.php up to its answer. What SUCCESS promises is left to work.
func (x *exchange) check() {
	x.user = x.s.users[fold(x.in.user)]
	if x.words = x.fault.words; x.words == nil && x.user != nil {
		x.words = x.user.Words
	}
	switch {
	case x.in.function == "version":
		x.version()
	case len(x.in.source) < 2:
		x.fail("Invalid Source", " - ", x.in.source)
	case x.loginRefused():
	case x.s.settings.APIInactive:
		x.fail("System API NOT ACTIVE", "", "")
	case x.in.function == "ra_call_control":
		x.callControl()
	}
}

func (x *exchange) version() {
	now := x.s.now()
	x.page.line = fmt.Sprintf("%s %s|%s %s|%s %s|%s %d\n", x.word("VERSION:"), x.s.version, x.word("BUILD:"), build,
		x.word("DATE:"), now.Format(time.DateTime), x.word("EPOCH:"), now.Unix())
	x.s.logged++
}

// callControl is function=ra_call_control up to its answer.
func (x *exchange) callControl() {
	in := x.in
	switch {
	case in.value == "" || in.agentUser == "" || in.stage == "":
		x.fail("ra_call_control not valid", " - ", in.value+"|"+in.agentUser+"|"+in.stage)
	case !x.permitted():
		x.fail("auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION", " - ", in.value+"|"+in.user+"|"+in.function+"|"+x.user.Group)
	case !x.agentLoggedIn():
		x.fail("agent_user is not logged in", " - ", in.agentUser)
	case !x.callListed():
		x.fail("no active call found", " - ", in.value)
	case in.stage != "HANGUP":
		x.fail("stage is not valid", " - ", in.stage)
	default:
		x.promise()
	}
}

// permitted wants the function's name between spaces on both sides.
func (x *exchange) permitted() bool {
	allowed := x.user.AllowedFunctions
	return strings.Contains(allowed, " "+x.in.function+" ") || strings.Contains(allowed, "ALL_FUNCTIONS")
}

func (x *exchange) agentLoggedIn() bool {
	return x.s.agents[fold(x.in.agentUser)] != nil && x.fault.blind != "vicidial_live_agents"
}

func (x *exchange) callListed() bool {
	x.call = x.s.calls[fold(x.in.value)]
	return x.call != nil && x.call.Listed && x.fault.blind != "vicidial_auto_calls"
}

// promise prints SUCCESS. Nothing is done yet, and nothing will be where the word was translated.
func (x *exchange) promise() {
	x.holder = x.s.holder(x.in.value)
	x.say("SUCCESS", "ra_call_control hungup", " - ", x.in.agentUser+"|"+x.in.value+"|HANGUP")
	if x.word("SUCCESS") == "SUCCESS" {
		id := x.in.value
		if len(id) >= 4 {
			id = "HAPI" + id[4:]
		}
		x.order = &ManagerRow{Action: "Hangup", CallerID: id, Channel: x.call.channel}
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
func (x *exchange) work(without steps) {
	if x.order == nil {
		return
	}
	do := everything &^ without
	if do&booking != 0 && (!x.fault.strict || len(x.in.status) <= 6) {
		x.call.Disposition = cut(cmp.Or(x.in.status, "RAXFER"), 6)
	}
	if do&ordering != 0 {
		x.s.manager = append(x.s.manager, *x.order)
		x.call.LineUp = x.call.LineUp && do&sending == 0
	}
	if x.holder != nil && do&clearing != 0 {
		x.holder.CallID = ""
	}
	if x.holder != nil && do&readying != 0 {
		x.holder.Status = "READY"
	}
	if do&delisting != 0 {
		x.call.Listed = false
	}
}

// fail prints an error line; every line counts as a row of vicidial_api_log.
func (x *exchange) fail(reason, separator, data string) { x.say("ERROR", reason, separator, data) }

func (x *exchange) say(result, reason, separator, data string) {
	x.page.line = x.word(result) + ": " + x.word(reason) + separator + data + "\n"
	x.s.logged++
}

// word translates a phrase into the user's language.
func (x *exchange) word(english string) string {
	if own, ok := x.words[english]; ok {
		return own
	}
	return english
}
