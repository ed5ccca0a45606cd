package emulator

import (
	"fmt"
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

var windowsEvents = []struct {
	id       int
	activity string
	task     int
}{
	{4624, "4624 - An account was successfully logged on.", 12544},
	{4625, "4625 - An account failed to log on.", 12544},
	{4634, "4634 - An account was logged off.", 12545},
	{4672, "4672 - Special privileges assigned to new logon.", 12548},
	{4688, "4688 - A new process has been created.", 13312},
	{5140, "5140 - A network share object was accessed.", 12808},
}

var commandLines = []string{
	`"C:\Program Files\Contoso\agent.exe" --config "C:\ProgramData\Contoso\agent.json"`,
	`powershell.exe -NoProfile -Command "Get-Service | Where-Object { $_.Status -eq 'Running' }"`,
	"cmd.exe /c echo line one & echo line two\r\n",
	`C:\Windows\System32\svchost.exe -k netsvcs -p`,
	`notepad.exe "C:\Users\user01\Documents\Grüße, Müller.txt"`,
	`python.exe -c "print('🦊', \"quoted\")"`,
}

func (g *generator) securityEvent(at pipeline.Tick) Row {
	event := pickOne(g, windowsEvents)
	account, _ := g.user()
	host := pickOne(g, demoHosts)
	sid := fmt.Sprintf("S-1-5-21-%d-%d-%d-%d", g.Uint32(), g.Uint32(), g.Uint32(), 1000+g.IntN(500))
	row := Row{
		"SourceSystem": "OpsManager", "Computer": host, "EventID": event.id, "Activity": event.activity,
		"Task": event.task, "Account": `CONTOSO\` + account, "AccountType": "User", "Channel": "Security", "Level": "8",
		"EventSourceName": "Microsoft-Windows-Security-Auditing", "Keywords": "0x8020000000000000",
		"EventRecordId": fmt.Sprint(1_000_000 + g.n), "EventOriginId": g.guid(), "MG": "00000000-0000-0000-0000-000000000001",
		"ManagementGroupName": "AOI-demo", "SourceComputerId": g.guid(), "TimeCollected": at + pipeline.Tick(g.Int64N(ticksMinute)),
		"SystemProcessId": 4 * (1 + g.IntN(2000)), "SystemThreadId": 4 * (1 + g.IntN(4000)), "Version": g.IntN(3), "Opcode": "0",
		"TargetUserName": account, "TargetDomainName": "CONTOSO", "TargetUserSid": sid, "TargetAccount": `CONTOSO\` + account,
		"TargetLogonId": fmt.Sprintf("0x%x", g.Uint32()), "_BilledSize": float64(600 + g.IntN(900)), "_IsBillable": "True",
	}
	switch event.id {
	case 4624, 4625:
		g.logon(row, event.id == 4625)
	case 4688:
		g.process(row)
	case 5140:
		row["ShareName"], row["ShareLocalPath"] = `\\*\Übergabe`, `\??\D:\Shares\Übergabe`
		row["AccessMask"], row["ObjectType"], row["IpAddress"] = "0x1", "File", g.ip()
	}
	if g.chance(60) {
		row["EventData"] = fmt.Sprintf("<EventData xmlns=\"http://schemas.example.com/event\">\n  <Data Name=\"Text\">%s</Data>\n</EventData>", g.odd())
	}
	return row
}

func (g *generator) logon(row Row, failed bool) {
	kind := pickOne(g, []int{2, 3, 3, 3, 5, 10})
	row["LogonType"], row["LogonTypeName"] = kind, fmt.Sprintf("%d - Logon", kind)
	row["IpAddress"], row["IpPort"], row["WorkstationName"] = g.ip(), fmt.Sprint(1024+g.IntN(60000)), pickOne(g, demoHosts)
	row["AuthenticationPackageName"], row["LogonProcessName"] = pickOne(g, []string{"Kerberos", "NTLM", "Negotiate"}), "Kerberos"
	row["LogonGuid"], row["KeyLength"] = g.guid(), pickOne(g, []int{0, 128})
	row["ElevatedToken"], row["VirtualAccount"] = "%%1843", "%%1843"
	if failed {
		row["Status"], row["SubStatus"] = "0xc000006d", "0xc000006a"
		row["FailureReason"] = "%%2313"
	}
}

func (g *generator) process(row Row) {
	command := pickOne(g, commandLines)
	if g.chance(25) {
		command += " " + g.odd()
	}
	if g.chance(200) {
		command += " -EncodedCommand " + strings.Repeat(g.hex(32), 60)
	}
	row["CommandLine"], row["Process"], row["NewProcessName"] = command, "agent.exe", `C:\Program Files\Contoso\agent.exe`
	row["NewProcessId"], row["ProcessId"] = fmt.Sprintf("0x%x", g.IntN(1<<16)), fmt.Sprintf("0x%x", g.IntN(1<<16))
	row["ParentProcessName"] = `C:\Windows\System32\services.exe`
	row["TokenElevationType"], row["MandatoryLabel"] = "%%1936", "S-1-16-16384"
}

func (g *generator) heartbeat(pipeline.Tick) Row {
	n := g.IntN(len(demoHosts))
	address := fmt.Sprintf("203.0.113.%d", 10+n)
	id := fmt.Sprintf("%08d-1111-4222-8333-444444444444", n)
	resource := "/subscriptions/" + DemoTenantID + "/resourceGroups/demo/providers/Microsoft.Compute/virtualMachines/vm" + fmt.Sprint(n)
	row := Row{
		"SourceSystem": "OpsManager", "Category": "Direct Agent", "Computer": demoHosts[n], "ComputerEnvironment": "Azure",
		"ComputerIP": address, "ComputerPrivateIPs": list(kql.Dynamic(fmt.Sprintf(`"10.0.0.%d"`, 10+n)), `"fe80::1"`),
		"IsGatewayInstalled": n == 5, "OSType": pickOne(g, []string{"Windows", "Linux"}), "OSMajorVersion": "10", "OSMinorVersion": "0",
		"RemoteIPCountry": "Germany", "RemoteIPLatitude": 52.5 + float64(n)/100, "RemoteIPLongitude": 13.4,
		"Resource": fmt.Sprintf("vm%d", n), "ResourceGroup": "demo", "ResourceProvider": "Microsoft.Compute", "ResourceType": "virtualMachines",
		"ResourceId": resource, "_ResourceId": resource, "SubscriptionId": DemoTenantID, "_SubscriptionId": DemoTenantID,
		"SCAgentChannel": "Direct", "Solutions": `"security","changeTracking"`, "Version": "10.20.18067.0", "VMUUID": id,
		"SourceComputerId": id, "MG": "00000000-0000-0000-0000-000000000001",
	}
	if g.chance(20) {
		delete(row, "RemoteIPLatitude")
		delete(row, "RemoteIPLongitude")
		delete(row, "IsGatewayInstalled")
	}
	return row
}

func (g *generator) deviceProcessEvent(at pipeline.Tick) Row {
	account, _ := g.user()
	created := at - pipeline.Tick(g.Int64N(ticksMinute))
	command := pickOne(g, commandLines)
	if g.chance(20) {
		command += " " + g.odd()
	}
	row := Row{
		"ActionType": "ProcessCreated", "DeviceId": g.hex(20), "DeviceName": pickOne(g, demoHosts), "AccountDomain": "contoso",
		"AccountName": account, "AccountUpn": account + "@contoso.example", "AccountObjectId": g.guid(),
		"FileName": "agent.exe", "FolderPath": `C:\Program Files\Contoso\agent.exe`, "FileSize": g.Int64N(1 << 40),
		"SHA1": g.hex(20), "SHA256": g.hex(32), "MD5": g.hex(16), "ProcessId": g.IntN(1 << 20), "ProcessCommandLine": command,
		"ProcessCreationTime": created, "ProcessIntegrityLevel": pickOne(g, []string{"High", "Medium", "System"}),
		"ProcessTokenElevation":        "TokenElevationTypeDefault",
		"InitiatingProcessAccountName": "system", "InitiatingProcessAccountDomain": "nt authority",
		"InitiatingProcessFileName": "services.exe", "InitiatingProcessId": g.IntN(1 << 20), "InitiatingProcessCommandLine": "services.exe",
		"InitiatingProcessCreationTime": created - pipeline.Tick(g.Int64N(ticksDay)), "InitiatingProcessSHA256": g.hex(32),
		"LogonId": int64(g.Uint64() >> 1), "ReportId": int64(g.n), "MachineGroup": "Demo",
	}
	if !g.chance(5) {
		row["AdditionalFields"] = object("Reason", g.odd(), "Signed", g.chance(2), "Depth", g.IntN(9))
	}
	return row
}
