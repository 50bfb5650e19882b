package vicitest

import (
	"cmp"
	"slices"
	"strings"
)

// steps are the parts of the work that SUCCESS promises, in their order.
type steps uint8

const (
	booking    steps = 1 << iota // status of log and lead
	ordering                     // the row in vicidial_manager
	sending                      // Asterisk gets that order: the line goes down
	clearing                     // the agent's row lets go of the call
	readying                     // the agent becomes READY
	delisting                    // the row of vicidial_auto_calls is deleted
	everything = booking | ordering | sending | clearing | readying | delisting
)

// callControl is function=ra_call_control up to its answer. It returns false where the script exits at once.
func (c *script) callControl() (finished bool) {
	in := c.in
	switch {
	case in.value == "" || in.agentUser == "" || in.stage == "":
		c.fail("ra_call_control not valid", in.value+"|"+in.agentUser+"|"+in.stage)
	case c.rules.permissions && !c.permitted():
		c.fail("auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION", in.value+"|"+in.user+"|"+in.function+"|"+c.user.Group)
		return false
	case !c.agentLoggedIn():
		c.fail("agent_user is not logged in", in.agentUser)
	case !c.callListed():
		c.fail("no active call found", in.value)
	default:
		c.runStage()
	}
	return true
}

// permitted wants the function's name between spaces on both sides.
func (c *script) permitted() bool {
	allowed := c.user.AllowedFunctions
	return strings.Contains(allowed, " "+c.in.function+" ") || strings.Contains(allowed, "ALL_FUNCTIONS")
}

func (c *script) agentLoggedIn() bool {
	c.sql("select count(*) from vicidial_live_agents where user='%s';", c.in.agentUser)
	return c.s.agents[fold(c.in.agentUser)] != nil && c.blind != "vicidial_live_agents"
}

func (c *script) callListed() bool {
	c.sql("select count(*) from vicidial_auto_calls where callerid='%s';", c.in.value)
	c.call = c.s.calls[fold(c.in.value)]
	return c.call != nil && c.call.Listed && c.blind != "vicidial_auto_calls"
}

func (c *script) runStage() {
	c.showCall()
	c.holder = c.s.holder(c.in.value)
	switch c.in.stage {
	case "HANGUP":
		c.promise("Hangup", "HAPI", "ra_call_control hungup", "HANGUP")
	case "EXTENSIONTRANSFER":
		c.extensionTransfer()
	case "INGROUPTRANSFER":
		c.ingroupTransfer()
	default:
		c.fail("stage is not valid", c.in.stage)
	}
}

func (c *script) extensionTransfer() {
	if len(c.in.phone) < 2 {
		c.fail("phone_number is not valid", c.in.phone)
		return
	}
	c.sql("select ext_context from servers where server_ip='%s';", serverIP)
	c.promise("Redirect", "XAPI", "ra_call_control transfer", c.in.phone)
}

func (c *script) ingroupTransfer() {
	group := c.in.ingroup
	if len(group) < 2 {
		c.fail("ingroup is not valid", group)
		return
	}
	c.sql("select ext_context from servers where server_ip='%s';", serverIP)
	if strings.Contains(group, "DEFAULTINGROUP") {
		c.sql("select default_xfer_group from vicidial_inbound_groups where group_id='%s';", c.call.Campaign)
		group = cmp.Or(c.s.settings.DefaultInGroup, "---NONE---")
	}
	c.sql("select count(*) from vicidial_inbound_groups where group_id='%s' and active='Y';", group)
	if !slices.ContainsFunc(c.s.inGroups(), func(g string) bool { return strings.EqualFold(g, group) }) {
		c.fail("ingroup is not valid", group)
		return
	}
	c.promise("Redirect", "XAPI", "ra_call_control transfer", c.in.phone) // the phone number, not the in-group
}

// promise prints SUCCESS. Nothing is done yet, and nothing will be where the word was translated.
func (c *script) promise(action, prefix, reason, third string) {
	c.say("SUCCESS", reason, " - ", c.in.agentUser+"|"+c.in.value+"|"+third)
	if c.word("SUCCESS") == "SUCCESS" {
		id := c.in.value
		if len(id) >= len(prefix) {
			id = prefix + id[len(prefix):]
		}
		c.order = &ManagerRow{Action: action, CallerID: id, Channel: c.call.channel}
	}
}

// work does what SUCCESS promised, but for the steps left out. The agent released is the one who holds the call,
// whoever the request named.
func (c *script) work(without steps) {
	if c.order == nil {
		return
	}
	do := everything &^ without
	c.book(do)
	c.showQueueMetrics()
	c.instruct(do)
	c.release(do)
	c.showDelisting()
	if do&delisting != 0 {
		c.call.Listed = false
	}
}

// book writes the status, cut to the width of its column.
func (c *script) book(do steps) {
	status := cut(cmp.Or(c.in.status, "RAXFER"), 6)
	c.showBooking(status)
	refused := c.strict && len(c.in.status) > 6
	if do&booking == 0 || c.call.Kind == IVR || refused {
		return
	}
	c.call.Disposition = status
	if c.call.Kind == Outbound {
		c.call.BookedTo = c.in.agentUser
	}
}

// instruct orders Asterisk. A hang-up brings the line down; a transfer leaves it up.
func (c *script) instruct(do steps) {
	c.showOrder()
	if do&ordering == 0 {
		return
	}
	c.s.manager = append(c.s.manager, *c.order)
	if do&sending != 0 && c.order.Action == "Hangup" {
		c.call.LineUp = false
	}
}

// release frees the agent who held the call when it was looked up, even where that agent talks to somebody else by now.
func (c *script) release(do steps) {
	holder := c.holder
	user, ip := "", ""
	if holder != nil {
		user, ip = holder.User, serverIP
	}
	c.showRelease(user, ip)
	if holder == nil {
		return
	}
	if do&clearing != 0 {
		holder.CallID = ""
	}
	if do&readying != 0 {
		holder.Status = "READY"
	}
}
