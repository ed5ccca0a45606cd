package emulator

import (
	"fmt"
	"math"

	"github.com/kustash/kustash/pipeline"
)

var syslogLines = []struct{ process, facility, severity, format string }{
	{"sshd", "auth", "info", "Accepted publickey for %s from %s port 52144 ssh2: ED25519 SHA256:%s"},
	{"sshd", "authpriv", "warning", "Failed password for invalid user %s from %s port 40222 ssh2 [%s]"},
	{"sudo", "authpriv", "notice", "%s : TTY=pts/0 ; PWD=/home ; USER=root ; COMMAND=/usr/bin/apt update, from=%s id=%s"},
	{"kernel", "kern", "err", "[UFW BLOCK] USER=%s IN=eth0 OUT= SRC=%s MAC=%s"},
	{"cron", "cron", "info", "(%s) CMD (/usr/local/bin/backup --to=%s --key=\"%s\")"},
	{"nginx", "local0", "info", "{\"user\":\"%s\",\"remote\":\"%s\",\"request_id\":\"%s\",\"status\":200}"},
}

func (g *generator) syslog(at pipeline.Tick) Row {
	line := pickOne(g, syslogLines)
	account, _ := g.user()
	host := pickOne(g, demoHosts)
	message := fmt.Sprintf(line.format, account, g.ip(), g.hex(12))
	if g.chance(15) {
		message += " " + g.odd()
	}
	row := Row{
		"SourceSystem": "Linux", "Computer": host, "HostName": host, "HostIP": g.ip(), "Facility": line.facility,
		"SeverityLevel": line.severity, "ProcessName": line.process, "SyslogMessage": message,
		"EventTime": at - at%pipeline.Tick(ticksSecond), "CollectorHostName": "collector.example.com",
		"MG": "00000000-0000-0000-0000-000000000002",
	}
	if !g.chance(4) {
		row["ProcessID"] = 1 + g.IntN(4_000_000)
	}
	return row
}

func (g *generator) commonSecurityLog(at pipeline.Tick) Row {
	account, _ := g.user()
	action := pickOne(g, []string{"allow", "allow", "allow", "deny", "reset-both"})
	row := Row{
		"SourceSystem": "OpsManager", "DeviceVendor": "Fabrikam", "DeviceProduct": "Example Firewall", "DeviceVersion": "11.2",
		"DeviceEventClassID": pickOne(g, []string{"TRAFFIC", "THREAT", "URL"}), "Activity": "TRAFFIC", "LogSeverity": fmt.Sprint(1 + g.IntN(10)),
		"DeviceAction": action, "SimplifiedDeviceAction": action, "ApplicationProtocol": pickOne(g, []string{"ssl", "dns", "web-browsing", "smb"}),
		"SourceIP": g.ip(), "DestinationIP": g.ip(), "SourcePort": 1024 + g.IntN(60000), "DestinationPort": pickOne(g, []int{53, 80, 443, 445}),
		"Protocol": pickOne(g, []string{"tcp", "udp"}), "SourceUserName": `contoso\` + account, "DestinationHostName": pickOne(g, demoHosts),
		"ReceivedBytes": g.Int64N(1 << 50), "SentBytes": g.Int64N(1 << 34), "DeviceName": "fw-1", "Computer": "collector.example.com",
		"CollectorHostName": "collector.example.com", "DeviceInboundInterface": "ethernet1/1", "DeviceOutboundInterface": "ethernet1/2",
		"StartTime": at - pipeline.Tick(g.Int64N(ticksHour)), "DeviceCustomString1": "rule-" + fmt.Sprint(g.IntN(40)), "DeviceCustomString1Label": "Rule",
		"DeviceCustomNumber1": int(int32(g.Uint32())), "DeviceCustomNumber1Label": "Session", "ReceiptTime": "Jan 02 2026 03:04:05 GMT",
		"DeviceExternalID": fmt.Sprintf("%015d", g.Int64N(1e15)), "SourceMACAddress": "02:00:5e:10:00:01", "EventCount": 1 + g.IntN(3),
		"RequestURL":           fmt.Sprintf("https://www.example.com/p%%C3%%A4th?q=%d&t=\"%s\"", g.IntN(1000), account),
		"AdditionalExtensions": "cat=traffic;PanOSNote=" + g.odd() + ";flags=0x0",
	}
	switch g.IntN(30) {
	case 0:
		row["DeviceCustomFloatingPoint1"], row["DeviceCustomFloatingPoint1Label"] = math.NaN(), "Score"
	case 1, 2, 3:
		row["DeviceCustomFloatingPoint1"], row["DeviceCustomFloatingPoint1Label"] = g.NormFloat64()*1e3, "Score"
	case 4:
		row["FieldDeviceCustomNumber1"] = pickOne(g, []int64{math.MaxInt64, math.MinInt64, 1<<53 + 1, -1})
	case 5:
		row["EndTime"], row["FileSize"], row["FileName"] = at, math.MaxInt32, "Bericht März, final.docx"
	}
	if action == "deny" && g.chance(4) {
		row["MaliciousIP"], row["MaliciousIPLatitude"], row["MaliciousIPLongitude"] = g.ip(), -33.87, 151.21
		row["ThreatSeverity"], row["IndicatorThreatType"] = g.IntN(5), "Botnet"
	}
	return row
}
