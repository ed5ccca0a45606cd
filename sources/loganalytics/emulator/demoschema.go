package emulator

import (
	"strings"

	"github.com/kustash/kustash/pipeline"
	"github.com/kustash/kustash/sources/loganalytics/emulator/kql"
)

// demoColumns are the columns of the demo tables, "name:type" or a name alone
// for a string. Names and types are facts of Microsoft's published reference
// of Azure Monitor tables; SecurityEvent and CommonSecurityLog are less wide
// than the real ones. Kustash_Demo_CL is invented to hold every type, and two
// names that differ by case only.
var demoColumns = map[string]string{
	"SecurityEvent": `
		TenantId TimeGenerated:datetime SourceSystem AccessMask Account AccountDomain AccountName AccountType Activity
		AuthenticationPackageName AuditsDiscarded:int CallerProcessId CallerProcessName Channel CommandLine Computer
		Correlation DisplayName ElevatedToken ErrorCode:int EventData EventID:int EventLevelName EventRecordId
		EventSourceName FailureReason FileHash FilePath GroupMembership HandleId IpAddress IpPort KeyLength:int
		Keywords Level LmPackageName LogonGuid LogonID LogonProcessName LogonType:int LogonTypeName
		ManagementGroupName MandatoryLabel MemberName MemberSid NewProcessId NewProcessName ObjectName ObjectServer
		ObjectType OldValue NewValue Opcode OperationType PackageName ParentProcessName PrivilegeList Process
		ProcessId ProcessName Properties RelativeTargetName SamAccountName ServiceFileName ServiceName
		ServiceStartType:int ServiceType ShareLocalPath ShareName SourceComputerId Status SubcategoryGuid
		SubjectAccount SubjectDomainName SubjectLogonId SubjectUserName SubjectUserSid SubStatus SystemProcessId:int
		SystemThreadId:int SystemUserId TargetAccount TargetDomainName TargetLinkedLogonId TargetLogonGuid
		TargetLogonId TargetServerName TargetSid TargetUser TargetUserName TargetUserSid Task:int TokenElevationType
		TransmittedServices UserPrincipalName Version:int VirtualAccount Workstation WorkstationName EventOriginId MG
		TimeCollected:datetime Type _ResourceId _BilledSize:real _IsBillable _SubscriptionId`,
	"SigninLogs": `
		TenantId TimeGenerated:datetime SourceSystem AADTenantId AlternateSignInName AppDisplayName AppId
		AppliedConditionalAccessPolicies AppliedEventListeners:dynamic AuthenticationContextClassReferences
		AuthenticationDetails AuthenticationMethodsUsed AuthenticationProcessingDetails AuthenticationProtocol
		AuthenticationRequirement AuthenticationRequirementPolicies AutonomousSystemNumber Category ClientAppUsed
		ConditionalAccessPolicies:dynamic ConditionalAccessStatus CorrelationId CreatedDateTime:datetime
		CrossTenantAccessType DeviceDetail:dynamic DurationMs:long FlaggedForReview:bool HomeTenantId Id Identity
		IPAddress IPAddressFromResourceProvider IsInteractive:bool IsRisky:bool Level Location LocationDetails:dynamic
		MfaDetail:dynamic NetworkLocationDetails OperationName OperationVersion OriginalRequestId
		ProcessingTimeInMilliseconds Resource ResourceDisplayName ResourceGroup ResourceId ResourceIdentity
		ResourceProvider ResourceServicePrincipalId ResourceTenantId ResultDescription ResultSignature ResultType
		RiskDetail RiskEventTypes RiskEventTypes_V2 RiskLevel RiskLevelAggregated RiskLevelDuringSignIn RiskState
		ServicePrincipalId ServicePrincipalName SessionLifetimePolicies SignInIdentifier SignInIdentifierType
		Status:dynamic TokenIssuerName TokenIssuerType UniqueTokenIdentifier UserAgent UserDisplayName UserId
		UserPrincipalName UserType Type _BilledSize:real _IsBillable`,
	"Syslog": `
		TenantId TimeGenerated:datetime SourceSystem CollectorHostName Computer EventTime:datetime Facility HostIP
		HostName ProcessID:int ProcessName SeverityLevel SyslogMessage MG Type _ResourceId _BilledSize:real
		_IsBillable _SubscriptionId`,
	"CommonSecurityLog": `
		TenantId TimeGenerated:datetime SourceSystem Activity AdditionalExtensions ApplicationProtocol
		CollectorHostName CommunicationDirection Computer DestinationDnsDomain DestinationHostName DestinationIP
		DestinationMACAddress DestinationPort:int DestinationProcessName DestinationServiceName
		DestinationTranslatedAddress DestinationTranslatedPort:int DestinationUserID DestinationUserName DeviceAction
		DeviceAddress DeviceCustomDate1 DeviceCustomFloatingPoint1:real DeviceCustomFloatingPoint1Label
		DeviceCustomFloatingPoint2:real DeviceCustomIPv6Address1 DeviceCustomIPv6Address1Label DeviceCustomNumber1:int
		DeviceCustomNumber1Label DeviceCustomNumber2:int DeviceCustomString1 DeviceCustomString1Label
		DeviceCustomString2 DeviceCustomString2Label DeviceCustomString3 DeviceEventCategory DeviceEventClassID
		DeviceExternalID DeviceFacility DeviceInboundInterface DeviceName DeviceOutboundInterface DeviceProduct
		DeviceTimeZone DeviceVendor DeviceVersion EndTime:datetime EventCount:int EventOutcome EventType:int
		ExternalID:int FieldDeviceCustomNumber1:long FieldDeviceCustomNumber2:long FileHash FileName FilePath
		FileSize:int FlexNumber1:int FlexString1 IndicatorThreatType LogSeverity MaliciousIP MaliciousIPCountry
		MaliciousIPLatitude:real MaliciousIPLongitude:real Message OriginalLogSeverity ProcessID:int ProcessName
		Protocol Reason ReceiptTime ReceivedBytes:long RemoteIP RemotePort RequestClientApplication RequestContext
		RequestMethod RequestURL SentBytes:long SimplifiedDeviceAction SourceDnsDomain SourceHostName SourceIP
		SourceMACAddress SourcePort:int SourceProcessName SourceServiceName SourceTranslatedAddress
		SourceTranslatedPort:int SourceUserID SourceUserName StartTime:datetime ThreatConfidence ThreatDescription
		ThreatSeverity:int Type _ResourceId _BilledSize:real _IsBillable _SubscriptionId`,
	"SecurityAlert": `
		TenantId TimeGenerated:datetime SourceSystem AlertLink AlertName AlertSeverity AlertType CompromisedEntity
		ConfidenceLevel ConfidenceScore:real Description DisplayName EndTime:datetime Entities ExtendedLinks
		ExtendedProperties IsIncident:bool ProcessingEndTime:datetime ProductComponentName ProductName ProviderName
		RemediationSteps ResourceId SourceComputerId StartTime:datetime Status SubTechniques SystemAlertId Tactics
		Techniques VendorName VendorOriginalId WorkspaceResourceGroup WorkspaceSubscriptionId Type _BilledSize:real
		_IsBillable`,
	"AuditLogs": `
		TenantId TimeGenerated:datetime SourceSystem AADOperationType AADTenantId ActivityDateTime:datetime
		ActivityDisplayName AdditionalDetails:dynamic Category CorrelationId DurationMs:long Id Identity
		InitiatedBy:dynamic Level Location LoggedByService OperationName OperationVersion Resource ResourceGroup
		ResourceId ResourceProvider Result ResultDescription ResultReason ResultSignature ResultType
		TargetResources:dynamic Type _BilledSize:real _IsBillable`,
	"Heartbeat": `
		TenantId TimeGenerated:datetime SourceSystem Category Computer ComputerEnvironment ComputerIP
		ComputerPrivateIPs:dynamic IsGatewayInstalled:bool ManagementGroupName OSMajorVersion OSMinorVersion OSName
		OSType RemoteIPCountry RemoteIPLatitude:real RemoteIPLongitude:real Resource ResourceGroup ResourceId
		ResourceProvider ResourceType SCAgentChannel Solutions SubscriptionId Version VMUUID MG SourceComputerId Type
		_ResourceId _BilledSize:real _IsBillable _SubscriptionId`,
	"DeviceProcessEvents": `
		TenantId TimeGenerated:datetime SourceSystem AccountDomain AccountName AccountObjectId AccountSid AccountUpn
		ActionType AdditionalFields:dynamic AppGuardContainerId DeviceId DeviceName FileName FileSize:long FolderPath
		InitiatingProcessAccountDomain InitiatingProcessAccountName InitiatingProcessAccountObjectId
		InitiatingProcessAccountSid InitiatingProcessAccountUpn InitiatingProcessCommandLine
		InitiatingProcessCreationTime:datetime InitiatingProcessFileName InitiatingProcessFileSize:long
		InitiatingProcessFolderPath InitiatingProcessId:long InitiatingProcessIntegrityLevel
		InitiatingProcessLogonId:long InitiatingProcessMD5 InitiatingProcessParentCreationTime:datetime
		InitiatingProcessParentFileName InitiatingProcessParentId:long InitiatingProcessSHA1 InitiatingProcessSHA256
		InitiatingProcessSignatureStatus InitiatingProcessSignerType InitiatingProcessTokenElevation
		InitiatingProcessVersionInfoCompanyName InitiatingProcessVersionInfoFileDescription
		InitiatingProcessVersionInfoInternalFileName InitiatingProcessVersionInfoOriginalFileName
		InitiatingProcessVersionInfoProductName InitiatingProcessVersionInfoProductVersion LogonId:long MachineGroup
		MD5 ProcessCommandLine ProcessCreationTime:datetime ProcessId:long ProcessIntegrityLevel ProcessTokenElevation
		ProcessVersionInfoCompanyName ProcessVersionInfoFileDescription ProcessVersionInfoInternalFileName
		ProcessVersionInfoOriginalFileName ProcessVersionInfoProductName ProcessVersionInfoProductVersion
		ReportId:long SHA1 SHA256 Type _BilledSize:real _IsBillable`,
	"AzureActivity": `
		TenantId TimeGenerated:datetime SourceSystem ActivityStatus ActivityStatusValue ActivitySubstatus
		ActivitySubstatusValue Authorization Authorization_d:dynamic Caller CallerIpAddress Category CategoryValue
		Claims Claims_d:dynamic CorrelationId EventDataId EventSubmissionTimestamp:datetime Hierarchy HTTPRequest
		Level OperationId OperationName OperationNameValue Properties Properties_d:dynamic Resource ResourceGroup
		ResourceId ResourceProvider ResourceProviderValue SubscriptionId Type _ResourceId _BilledSize:real _IsBillable
		_SubscriptionId`,
	customTable: `
		TenantId TimeGenerated:datetime SourceSystem Sequence:long Flag:bool Small:int Large:long Ratio:real
		Price:decimal Note note Seen:datetime Took:timespan Key:guid Payload:dynamic Type`,
}

// columnsOf reads a list of demoColumns.
func columnsOf(list string) []kql.Column {
	var columns []kql.Column
	for _, one := range strings.Fields(list) {
		name, kind, ok := strings.Cut(one, ":")
		if !ok {
			kind = string(pipeline.String)
		}
		columns = append(columns, kql.Column{Name: name, Type: pipeline.Type(kind), Hidden: hiddenColumn(name)})
	}
	return columns
}
