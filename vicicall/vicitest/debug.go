package vicitest

import (
	"math/rand/v2"
	"time"
)

// What format=debug and DB=1 show: statements as VICIdial prints them, around the line that matters.

const serverIP = "10.10.10.15" // of the simulated Asterisk server

func (c *script) showLookups() {
	if !c.rules.accounts {
		c.sql("SELECT use_non_latin FROM system_settings;")
		return
	}
	c.sql("|SELECT selected_language,api_list_restrict,api_allowed_functions,user_group from vicidial_users where user='%s';|", c.in.user)
}

// prelude is the head of format=debug; from here on statements are shown.
func (c *script) prelude() {
	if c.in.format != "debug" {
		return
	}
	c.debug, c.html = true, true
	c.print("<html>\n<head>\n<!-- VERSION: " + string(c.s.era) + "     BUILD: " + c.rules.build + "    USER: " + c.in.user + "\n" +
		"<title>" + c.word("VICIDiaL Agent API") + "</title>\n</head>\n" +
		"<BODY BGCOLOR=white marginheight=0 marginwidth=0 leftmargin=0 topmargin=0>\n")
}

func (c *script) showCall() {
	c.sql("select channel,server_ip,call_type,campaign_id,lead_id,phone_number,uniqueid,stage,queue_position"+
		" from vicidial_auto_calls where callerid='%s';", c.in.value)
	columns := "server_ip,user"
	if c.rules.accounts {
		columns += ",extension"
	}
	c.sql("select %s from vicidial_live_agents where callerid='%s';", columns, c.in.value)
}

func (c *script) showBooking(status string) {
	length, order, by := "", "call_date", ""
	if c.rules.logsLength {
		length, order = ",length_in_sec=(UNIX_TIMESTAMP(NOW()) - start_epoch),end_epoch=UNIX_TIMESTAMP(NOW())", "closecallid"
	}
	if c.call.Kind == Outbound {
		by = ",user='" + c.in.agentUser + "'"
		c.comment("UPDATE vicidial_log SET status='%s'%s%s where uniqueid='%s' and lead_id='%s' order by call_date desc limit 1;",
			status, by, length, c.call.uniqueID, c.call.lead())
	} else {
		c.comment("UPDATE vicidial_closer_log SET status='%s'%s where uniqueid='%s' and lead_id='%s' and campaign_id='%s'"+
			" order by %s desc limit 1;",
			status, length, c.call.uniqueID, c.call.lead(), c.call.Campaign, order)
	}
	c.comment("UPDATE vicidial_list SET status='%s' where lead_id='%s' limit 1;", status, c.call.lead())
}

func (c *script) showQueueMetrics() {
	columns := "enable_queuemetrics_logging,queuemetrics_server_ip,queuemetrics_dbname,queuemetrics_login," +
		"queuemetrics_pass,queuemetrics_log_id"
	if c.rules.accounts {
		columns += ",queuemetrics_pe_phone_append,queuemetrics_socket,queuemetrics_socket_url,queuemetrics_pause_type"
	}
	c.sql("SELECT %s FROM system_settings;", columns)
}

func (c *script) showOrder() {
	if c.order.Action == "Hangup" {
		c.comment("INSERT INTO vicidial_manager values('','','%s','NEW','N','%s','','Hangup','%s','Channel: %s','','','','','','','','','');",
			c.clock(), serverIP, c.order.CallerID, c.order.Channel)
	}
}

func (c *script) showRelease(user, ip string) {
	c.comment("UPDATE vicidial_live_agents set random_id='%d',last_call_finish='%[2]s',lead_id='',uniqueid='',callerid='',"+
		"channel='',last_state_change='%[2]s' where user='%[3]s' and server_ip='%[4]s';",
		11000000+rand.IntN(9000000), c.clock(), user, ip)
	c.comment("UPDATE vicidial_live_agents set status='READY' where user='%s' and server_ip='%s';", user, ip)
}

func (c *script) showDelisting() {
	c.comment("DELETE from vicidial_auto_calls where callerid='%s';", c.in.value)
	if c.rules.ring {
		c.comment("UPDATE vicidial_live_agents set ring_callerid='' where ring_callerid='%s';", c.in.value)
	}
}

func (c *script) clock() string { return c.s.now().Format(time.DateTime) }
