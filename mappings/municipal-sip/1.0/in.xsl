<?xml version="1.0" encoding="UTF-8"?>
<!--
  From the municipality's XML to the hub's canonical message. Structure only: words for codes stand in codes.csv.

  In:  sipMeddelande, valid against schema/municipal-sip.xsd.
  Out: the neutral XML of a message (namespace urn:siphub:canonical:1). `is` gives the kind of a value that is not text;
       an element marked c:codes="table" holds the municipality's word, which the hub translates by that table afterwards.
  An element that no template names stops the translation: nothing is left out in silence.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:m="urn:siphub:municipal-sip:1.0"
                xmlns:c="urn:siphub:canonical:1" xmlns="urn:siphub:canonical:1" exclude-result-prefixes="m">
  <xsl:output method="xml" encoding="UTF-8" indent="no"/>
  <xsl:strip-space elements="*"/>

  <xsl:template match="/m:sipMeddelande">
    <message is="object">
      <schema_version><xsl:value-of select="@schemaVersion"/></schema_version>
      <xsl:apply-templates/>
    </message>
  </xsl:template>

  <xsl:template match="m:kuvert"><xsl:apply-templates/></xsl:template>

  <xsl:template match="*"><xsl:message terminate="yes">in.xsl has no template for the element <xsl:value-of select="local-name()"/></xsl:message></xsl:template>

  <!-- What kind of message it is -->
  <xsl:template match="/m:sipMeddelande/m:begaran"><type>sip.requested</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:forslag"><type>sip.proposed</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:behovsbedomning"><type>need.assessed</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:godkandaDeltagare"><type>participants.approved</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:samtycke"><type>consent.given</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:nekande"><type>consent.refused</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:andratSamtycke"><type>consent.amended</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:aterkallatSamtycke"><type>consent.withdrawn</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:kallelse"><type>meeting.summoned</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:inbjudan"><type>meeting.invited</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:motessvar"><type>meeting.response</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:ombokning"><type>meeting.rescheduled</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:avbokning"><type>meeting.cancelled</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:genomfortMote"><type>meeting.held</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:planforslag"><type>plan.proposed</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:upprattadPlan"><type>plan.established</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:bekraftatAtagande"><type>plan.commitment.confirmed</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:avvisatAtagande"><type>plan.commitment.rejected</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:revideradPlan"><type>plan.revised</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:avslut"><type>plan.closed</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:transportkvittens"><type>ack.transport</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:mottagningskvittens"><type>ack.received</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:ejMottaget"><type>nack</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:laskvittens"><type>ack.read</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:stoppbesked"><type>stop.notice</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:initiativ"><type>sip.initiated</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:svarPaBegaran"><type>sip.request.answered</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:aterkalladBegaran"><type>sip.request.withdrawn</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:paminnelse"><type>meeting.reminder</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:felsant"><type>message.misdirected</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:vidaresant"><type>message.forwarded</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:utlamnadKopia"><type>plan.copy.delivered</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:samordnarbyte"><type>coordinator.changed</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:ejLevererat"><type>delivery.failed</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:uppfoljningskallelse"><type>followup.summoned</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:insatsstatus"><type>activity.status</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:genomfordUppfoljning"><type>followup.held</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:inskrivning"><type>inpatient.admitted</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:utskrivningsklar"><type>inpatient.discharge_ready</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:aterkalladUtskrivningsklar"><type>inpatient.discharge_ready.revoked</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:utskrivning"><type>inpatient.discharged</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:avbrott"><type>process.interrupted</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:felregistrering"><type>message.entered_in_error</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:avliden"><type>subject.deceased</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:vardplanLptLrv"><type>splptlrv.established</type><content is="object"><xsl:apply-templates/></content></xsl:template>
  <xsl:template match="/m:sipMeddelande/m:planLss"><type>lss.established</type><content is="object"><xsl:apply-templates/></content></xsl:template>

  <!-- The individual's number: the element becomes the kind -->
  <xsl:template match="m:personnummer | m:samordningsnummer | m:reservnummer"><kind><xsl:value-of select="local-name()"/></kind><value><xsl:value-of select="."/></value></xsl:template>

  <!-- Fields, in the order of the schema. A match with a path is an exception to the one without, or one of several meanings of the same name. -->
  <xsl:template match="m:meddelandeId"><message_id><xsl:apply-templates/></message_id></xsl:template>
  <xsl:template match="m:arendeId"><case_id><xsl:apply-templates/></case_id></xsl:template>
  <xsl:template match="m:agare"><owner><xsl:apply-templates/></owner></xsl:template>
  <xsl:template match="m:konversationId"><conversation_id><xsl:apply-templates/></conversation_id></xsl:template>
  <xsl:template match="m:svarPa"><causation_id><xsl:apply-templates/></causation_id></xsl:template>
  <xsl:template match="m:skickat"><sent_at><xsl:value-of select="normalize-space()"/></sent_at></xsl:template>
  <xsl:template match="m:avsandare"><sender is="object"><xsl:apply-templates/></sender></xsl:template>
  <xsl:template match="m:enhet"><unit><xsl:apply-templates/></unit></xsl:template>
  <xsl:template match="m:organisation"><organisation><xsl:apply-templates/></organisation></xsl:template>
  <xsl:template match="m:forfattare"><author is="object"><xsl:apply-templates/></author></xsl:template>
  <xsl:template match="m:namn"><name><xsl:apply-templates/></name></xsl:template>
  <xsl:template match="m:roll"><role><xsl:apply-templates/></role></xsl:template>
  <xsl:template match="m:mottagare"><recipients is="array"><xsl:for-each select="m:enhet | m:person"><item><xsl:apply-templates/></item></xsl:for-each></recipients></xsl:template>
  <xsl:template match="m:denEnskilde"><subject is="object"><xsl:apply-templates/></subject></xsl:template>
  <xsl:template match="m:identitet"><identity is="object"><xsl:apply-templates/></identity></xsl:template>
  <xsl:template match="m:fornamn"><given_name><xsl:apply-templates/></given_name></xsl:template>
  <xsl:template match="m:efternamn"><family_name><xsl:apply-templates/></family_name></xsl:template>
  <xsl:template match="m:skydd"><protection c:codes="protection"><xsl:apply-templates/></protection></xsl:template>
  <xsl:template match="m:utlamnandegrund"><basis is="object"><xsl:apply-templates/></basis></xsl:template>
  <xsl:template match="m:grund"><code c:codes="basis"><xsl:apply-templates/></code></xsl:template>
  <xsl:template match="m:samtyckesreferenser"><consent_refs is="array"><xsl:for-each select="m:samtycke"><item><xsl:apply-templates/></item></xsl:for-each></consent_refs></xsl:template>
  <xsl:template match="m:beslutadAv"><decided_by><xsl:apply-templates/></decided_by></xsl:template>
  <xsl:template match="m:beslutad"><decided_at><xsl:value-of select="normalize-space()"/></decided_at></xsl:template>
  <xsl:template match="m:skal"><reason><xsl:apply-templates/></reason></xsl:template>
  <xsl:template match="m:informationsklass"><classification c:codes="classification"><xsl:apply-templates/></classification></xsl:template>
  <xsl:template match="m:upphor"><expires_at><xsl:value-of select="normalize-space()"/></expires_at></xsl:template>
  <xsl:template match="m:kvittensBegard"><ack_requested is="boolean"><xsl:value-of select="normalize-space()"/></ack_requested></xsl:template>
  <xsl:template match="m:diarienummer"><registry_number><xsl:apply-templates/></registry_number></xsl:template>
  <xsl:template match="m:begarandePerson"><requester is="object"><xsl:apply-templates/></requester></xsl:template>
  <xsl:template match="m:natverkskontakt/m:slag"><kind c:codes="network-kind"><xsl:apply-templates/></kind></xsl:template>
  <xsl:template match="m:begarandePerson/m:slag"><kind c:codes="requester-kind"><xsl:apply-templates/></kind></xsl:template>
  <xsl:template match="m:forslagsstallare/m:slag"><kind c:codes="proposer-kind"><xsl:apply-templates/></kind></xsl:template>
  <xsl:template match="m:lamnatAv/m:slag"><kind c:codes="giver-kind"><xsl:apply-templates/></kind></xsl:template>
  <xsl:template match="m:plats/m:slag"><kind c:codes="place-kind"><xsl:apply-templates/></kind></xsl:template>
  <xsl:template match="m:ansvarig/m:slag"><kind c:codes="responsible-kind"><xsl:apply-templates/></kind></xsl:template>
  <xsl:template match="m:huvudansvarig/m:slag"><kind c:codes="principal-kind"><xsl:apply-templates/></kind></xsl:template>
  <xsl:template match="m:telefon"><phone><xsl:apply-templates/></phone></xsl:template>
  <xsl:template match="m:epost"><email><xsl:apply-templates/></email></xsl:template>
  <xsl:template match="m:mottagandeEnhet"><receiving_unit><xsl:apply-templates/></receiving_unit></xsl:template>
  <xsl:template match="m:mottagandeKontakt"><receiving_contact><xsl:apply-templates/></receiving_contact></xsl:template>
  <xsl:template match="m:begard"><requested_on><xsl:value-of select="normalize-space()"/></requested_on></xsl:template>
  <xsl:template match="m:forberedelse"><preparation is="object"><xsl:apply-templates/></preparation></xsl:template>
  <xsl:template match="m:minaKontakter"><my_contacts><xsl:apply-templates/></my_contacts></xsl:template>
  <xsl:template match="m:minErfarenhet"><my_experience><xsl:apply-templates/></my_experience></xsl:template>
  <xsl:template match="m:behovOchOnskemal"><needs_and_wishes><xsl:apply-templates/></needs_and_wishes></xsl:template>
  <xsl:template match="m:hurJagVillHaDet"><how_i_want_it><xsl:apply-templates/></how_i_want_it></xsl:template>
  <xsl:template match="m:onskadSamordnare"><coordinator_wish><xsl:apply-templates/></coordinator_wish></xsl:template>
  <xsl:template match="m:tolksprak"><interpreter_language><xsl:apply-templates/></interpreter_language></xsl:template>
  <xsl:template match="m:nedtecknadAv"><recorded_by is="object"><xsl:apply-templates/></recorded_by></xsl:template>
  <xsl:template match="m:forslagsstallare"><proposer is="object"><xsl:apply-templates/></proposer></xsl:template>
  <xsl:template match="m:foreslaget"><proposed_on><xsl:value-of select="normalize-space()"/></proposed_on></xsl:template>
  <xsl:template match="m:forslagsgrund"><basis c:codes="eligibility-basis"><xsl:apply-templates/></basis></xsl:template>
  <xsl:template match="m:syfte"><purpose><xsl:apply-templates/></purpose></xsl:template>
  <xsl:template match="m:behovFinns"><needed is="boolean"><xsl:value-of select="normalize-space()"/></needed></xsl:template>
  <xsl:template match="m:bedomdAv"><assessed_by is="object"><xsl:apply-templates/></assessed_by></xsl:template>
  <xsl:template match="m:bedomd"><assessed_at><xsl:value-of select="normalize-space()"/></assessed_at></xsl:template>
  <xsl:template match="m:bedomningsgrund"><eligibility_basis c:codes="eligibility-basis"><xsl:apply-templates/></eligibility_basis></xsl:template>
  <xsl:template match="m:denEnskildeInstammer"><individual_agrees is="boolean"><xsl:value-of select="normalize-space()"/></individual_agrees></xsl:template>
  <xsl:template match="m:motivering"><reason><xsl:apply-templates/></reason></xsl:template>
  <xsl:template match="m:enheter"><units is="array"><xsl:for-each select="m:enhet"><item><xsl:apply-templates/></item></xsl:for-each></units></xsl:template>
  <xsl:template match="m:godkant"><approved_on><xsl:value-of select="normalize-space()"/></approved_on></xsl:template>
  <xsl:template match="m:godkandaDeltagare/m:form"><approved_how c:codes="form"><xsl:apply-templates/></approved_how></xsl:template>
  <xsl:template match="m:samtycke/m:form"><mode c:codes="form"><xsl:apply-templates/></mode></xsl:template>
  <xsl:template match="m:onskemal"><wishes><xsl:apply-templates/></wishes></xsl:template>
  <xsl:template match="m:beslut"><decision c:codes="decision"><xsl:apply-templates/></decision></xsl:template>
  <xsl:template match="m:omfattning"><scopes is="array"><xsl:for-each select="m:omrade"><item c:codes="scope"><xsl:apply-templates/></item></xsl:for-each></scopes></xsl:template>
  <xsl:template match="m:parter"><parties is="array"><xsl:for-each select="m:part"><item is="object"><xsl:apply-templates/></item></xsl:for-each></parties></xsl:template>
  <xsl:template match="m:vem"><party><xsl:apply-templates/></party></xsl:template>
  <xsl:template match="m:riktning"><direction c:codes="direction"><xsl:apply-templates/></direction></xsl:template>
  <xsl:template match="m:lamnatAv"><given_by is="object"><xsl:apply-templates/></given_by></xsl:template>
  <xsl:template match="m:stod"><ground c:codes="consent-ground"><xsl:apply-templates/></ground></xsl:template>
  <xsl:template match="m:lamnatAv/m:vardnadshavare"><guardians is="array"><xsl:for-each select="m:person"><item><xsl:apply-templates/></item></xsl:for-each></guardians></xsl:template>
  <xsl:template match="m:kanInteVanta"><cannot_wait><xsl:apply-templates/></cannot_wait></xsl:template>
  <xsl:template match="m:namndbeslut"><board_decision is="object"><xsl:apply-templates/></board_decision></xsl:template>
  <xsl:template match="m:beteckning"><ref><xsl:apply-templates/></ref></xsl:template>
  <xsl:template match="m:beslutsdag"><decided_on><xsl:value-of select="normalize-space()"/></decided_on></xsl:template>
  <xsl:template match="m:atgard"><measure><xsl:apply-templates/></measure></xsl:template>
  <xsl:template match="m:angelagenhet"><matter><xsl:apply-templates/></matter></xsl:template>
  <xsl:template match="m:oppenInsats"><measure c:codes="measure"><xsl:apply-templates/></measure></xsl:template>
  <xsl:template match="m:lampligtEnligt"><suitability_by is="object"><xsl:apply-templates/></suitability_by></xsl:template>
  <xsl:template match="m:stallforetradare"><representative><xsl:value-of select="normalize-space()"/></representative></xsl:template>
  <xsl:template match="m:aterkallatAv"><by><xsl:value-of select="normalize-space()"/></by></xsl:template>
  <xsl:template match="m:beslutsformaga"><capacity is="object"><xsl:apply-templates/></capacity></xsl:template>
  <xsl:template match="m:tillstand"><state c:codes="capacity"><xsl:apply-templates/></state></xsl:template>
  <xsl:template match="m:inhamtatAv"><obtained_by is="object"><xsl:apply-templates/></obtained_by></xsl:template>
  <xsl:template match="m:inhamtat"><obtained_on><xsl:value-of select="normalize-space()"/></obtained_on></xsl:template>
  <xsl:template match="m:journalfort"><documented_in_record is="boolean"><xsl:value-of select="normalize-space()"/></documented_in_record></xsl:template>
  <xsl:template match="m:gallerTill"><valid_until><xsl:value-of select="normalize-space()"/></valid_until></xsl:template>
  <xsl:template match="m:undantagnaUppgifter"><excluded_information><xsl:apply-templates/></excluded_information></xsl:template>
  <xsl:template match="m:dokumentreferens"><document_ref><xsl:apply-templates/></document_ref></xsl:template>
  <xsl:template match="m:registreratHosAf"><registered_at_af c:codes="registered"><xsl:apply-templates/></registered_at_af></xsl:template>
  <xsl:template match="m:nyaParter"><add_parties is="array"><xsl:for-each select="m:part"><item is="object"><xsl:apply-templates/></item></xsl:for-each></add_parties></xsl:template>
  <xsl:template match="m:borttagnaParter"><remove_parties is="array"><xsl:for-each select="m:vem"><item><xsl:apply-templates/></item></xsl:for-each></remove_parties></xsl:template>
  <xsl:template match="m:nyOmfattning"><add_scopes is="array"><xsl:for-each select="m:omrade"><item c:codes="scope"><xsl:apply-templates/></item></xsl:for-each></add_scopes></xsl:template>
  <xsl:template match="m:borttagenOmfattning"><remove_scopes is="array"><xsl:for-each select="m:omrade"><item c:codes="scope"><xsl:apply-templates/></item></xsl:for-each></remove_scopes></xsl:template>
  <xsl:template match="m:utstrackning"><extent c:codes="extent"><xsl:apply-templates/></extent></xsl:template>
  <xsl:template match="m:berordaParter"><parties is="array"><xsl:for-each select="m:vem"><item><xsl:apply-templates/></item></xsl:for-each></parties></xsl:template>
  <xsl:template match="m:mottagetAv"><received_by is="object"><xsl:apply-templates/></received_by></xsl:template>
  <xsl:template match="m:tidpunkt"><at><xsl:value-of select="normalize-space()"/></at></xsl:template>
  <xsl:template match="m:mote"><meeting is="object"><xsl:apply-templates/></meeting></xsl:template>
  <xsl:template match="m:id"><id><xsl:apply-templates/></id></xsl:template>
  <xsl:template match="m:version"><version is="number"><xsl:value-of select="normalize-space()"/></version></xsl:template>
  <xsl:template match="m:borjar"><starts_at><xsl:value-of select="normalize-space()"/></starts_at></xsl:template>
  <xsl:template match="m:slutar"><ends_at><xsl:value-of select="normalize-space()"/></ends_at></xsl:template>
  <xsl:template match="m:tidszon"><zone><xsl:apply-templates/></zone></xsl:template>
  <xsl:template match="m:plats"><place is="object"><xsl:apply-templates/></place></xsl:template>
  <xsl:template match="m:beskrivning"><text><xsl:apply-templates/></text></xsl:template>
  <xsl:template match="m:sammankallande"><convener is="object"><xsl:apply-templates/></convener></xsl:template>
  <xsl:template match="m:skyldig"><duty_holder c:codes="duty-holder"><xsl:apply-templates/></duty_holder></xsl:template>
  <xsl:template match="m:skyldighetsgrund"><duty_basis><xsl:apply-templates/></duty_basis></xsl:template>
  <xsl:template match="m:svaraSenast"><respond_by><xsl:value-of select="normalize-space()"/></respond_by></xsl:template>
  <xsl:template match="m:samordnare"><coordinator is="object"><xsl:apply-templates/></coordinator></xsl:template>
  <xsl:template match="m:deltagandeEnheter"><participating_units is="array"><xsl:for-each select="m:enhet"><item><xsl:apply-templates/></item></xsl:for-each></participating_units></xsl:template>
  <xsl:template match="m:dagordning"><agenda is="array"><xsl:for-each select="m:punkt"><item><xsl:apply-templates/></item></xsl:for-each></agenda></xsl:template>
  <xsl:template match="m:denEnskildeForvantas"><individual_attendance c:codes="expected-attendance"><xsl:apply-templates/></individual_attendance></xsl:template>
  <xsl:template match="m:utvarderas"><evaluation_on><xsl:value-of select="normalize-space()"/></evaluation_on></xsl:template>
  <xsl:template match="m:underlag"><preparation_ref><xsl:apply-templates/></preparation_ref></xsl:template>
  <xsl:template match="m:antalNarstaende"><relatives_present is="number"><xsl:value-of select="normalize-space()"/></relatives_present></xsl:template>
  <xsl:template match="m:fragor"><questions is="array"><xsl:for-each select="m:fraga"><item is="object"><xsl:apply-templates/></item></xsl:for-each></questions></xsl:template>
  <xsl:template match="m:text"><text><xsl:apply-templates/></text></xsl:template>
  <xsl:template match="m:digitaltAlternativ"><digital_option><xsl:apply-templates/></digital_option></xsl:template>
  <xsl:template match="m:moteId"><meeting_id><xsl:apply-templates/></meeting_id></xsl:template>
  <xsl:template match="m:moteVersion"><meeting_version is="number"><xsl:value-of select="normalize-space()"/></meeting_version></xsl:template>
  <xsl:template match="m:svar"><response c:codes="response"><xsl:apply-templates/></response></xsl:template>
  <xsl:template match="m:svarande"><responder is="object"><xsl:apply-templates/></responder></xsl:template>
  <xsl:template match="m:foreslagnaTider"><proposed_times is="array"><xsl:for-each select="m:tid"><item is="object"><xsl:apply-templates/></item></xsl:for-each></proposed_times></xsl:template>
  <xsl:template match="m:ersattandeEnhet"><substitute_unit><xsl:apply-templates/></substitute_unit></xsl:template>
  <xsl:template match="m:ersattare"><substitute_name><xsl:apply-templates/></substitute_name></xsl:template>
  <xsl:template match="m:ersatterVersion"><supersedes is="number"><xsl:value-of select="normalize-space()"/></supersedes></xsl:template>
  <xsl:template match="m:besked"><code c:codes="stop"><xsl:apply-templates/></code></xsl:template>
  <xsl:template match="m:genomfort"><held_on><xsl:value-of select="normalize-space()"/></held_on></xsl:template>
  <xsl:template match="m:narvarandeEnheter"><attended_units is="array"><xsl:for-each select="m:enhet"><item><xsl:apply-templates/></item></xsl:for-each></attended_units></xsl:template>
  <xsl:template match="m:denEnskildeVar"><individual c:codes="attendance"><xsl:apply-templates/></individual></xsl:template>
  <xsl:template match="m:utfall"><outcome c:codes="outcome"><xsl:apply-templates/></outcome></xsl:template>
  <xsl:template match="m:tolkAnlitades"><interpreter_used is="boolean"><xsl:value-of select="normalize-space()"/></interpreter_used></xsl:template>
  <xsl:template match="m:plan"><plan is="object"><xsl:apply-templates/></plan></xsl:template>
  <xsl:template match="m:upprattad"><made_on><xsl:value-of select="normalize-space()"/></made_on></xsl:template>
  <xsl:template match="m:behov"><needs is="array"><xsl:for-each select="m:punkt"><item><xsl:apply-templates/></item></xsl:for-each></needs></xsl:template>
  <xsl:template match="m:mal"><goals is="array"><xsl:for-each select="m:punkt"><item is="object"><xsl:apply-templates/></item></xsl:for-each></goals></xsl:template>
  <xsl:template match="m:insatser"><activities is="array"><xsl:for-each select="m:insats"><item is="object"><xsl:apply-templates/></item></xsl:for-each></activities></xsl:template>
  <xsl:template match="m:vad"><what><xsl:apply-templates/></what></xsl:template>
  <xsl:template match="m:nar"><when><xsl:apply-templates/></when></xsl:template>
  <xsl:template match="m:slutdatum"><ends_on><xsl:value-of select="normalize-space()"/></ends_on></xsl:template>
  <xsl:template match="m:ansvarig"><responsible is="object"><xsl:apply-templates/></responsible></xsl:template>
  <xsl:template match="m:avserMal"><goals is="array"><xsl:for-each select="m:malId"><item><xsl:apply-templates/></item></xsl:for-each></goals></xsl:template>
  <xsl:template match="m:uppfoljning"><follow_up><xsl:apply-templates/></follow_up></xsl:template>
  <xsl:template match="m:huvudansvarig"><overall_responsible is="object"><xsl:apply-templates/></overall_responsible></xsl:template>
  <xsl:template match="m:huvudansvarigPerson"><main_responsible is="object"><xsl:apply-templates/></main_responsible></xsl:template>
  <xsl:template match="m:foljsUpp"><follow_up_on><xsl:value-of select="normalize-space()"/></follow_up_on></xsl:template>
  <xsl:template match="m:krisplan"><crisis_plan><xsl:apply-templates/></crisis_plan></xsl:template>
  <xsl:template match="m:boende"><housing><xsl:apply-templates/></housing></xsl:template>
  <xsl:template match="m:anteckningar"><notes><xsl:apply-templates/></notes></xsl:template>
  <xsl:template match="m:planId"><plan_id><xsl:apply-templates/></plan_id></xsl:template>
  <xsl:template match="m:planVersion"><plan_version is="number"><xsl:value-of select="normalize-space()"/></plan_version></xsl:template>
  <xsl:template match="m:avserInsatser"><activities is="array"><xsl:for-each select="m:insatsId"><item><xsl:apply-templates/></item></xsl:for-each></activities></xsl:template>
  <xsl:template match="m:kommentar"><comment><xsl:apply-templates/></comment></xsl:template>
  <xsl:template match="m:andringar"><changes><xsl:apply-templates/></changes></xsl:template>
  <xsl:template match="m:godkandAvDenEnskilde"><approved_by_individual is="boolean"><xsl:value-of select="normalize-space()"/></approved_by_individual></xsl:template>
  <xsl:template match="m:avslutsskal"><reason c:codes="closing-reason"><xsl:apply-templates/></reason></xsl:template>
  <xsl:template match="m:avslutad"><closed_on><xsl:value-of select="normalize-space()"/></closed_on></xsl:template>
  <xsl:template match="m:avslutadAv"><closed_by><xsl:apply-templates/></closed_by></xsl:template>
  <xsl:template match="m:avserMeddelande"><message_id><xsl:apply-templates/></message_id></xsl:template>
  <xsl:template match="m:dubblett"><duplicate is="boolean"><xsl:value-of select="normalize-space()"/></duplicate></xsl:template>
  <xsl:template match="m:allvar"><severity c:codes="severity"><xsl:apply-templates/></severity></xsl:template>
  <xsl:template match="m:felkod"><code><xsl:apply-templates/></code></xsl:template>
  <xsl:template match="m:lasareRoll"><reader_role><xsl:apply-templates/></reader_role></xsl:template>
  <xsl:template match="m:lasareNamn"><reader_name><xsl:apply-templates/></reader_name></xsl:template>
  <xsl:template match="m:arendereferens"><case_reference><xsl:apply-templates/></case_reference></xsl:template>
  <xsl:template match="m:avser"><about c:codes="about"><xsl:apply-templates/></about></xsl:template>
  <xsl:template match="m:avserId"><about_id><xsl:apply-templates/></about_id></xsl:template>
  <xsl:template match="m:avserVersion"><about_version is="number"><xsl:value-of select="normalize-space()"/></about_version></xsl:template>
  <xsl:template match="m:initiativtagare"><initiator is="object"><xsl:apply-templates/></initiator></xsl:template>
  <xsl:template match="m:initiativtagarensTelefon"><initiator_phone><xsl:apply-templates/></initiator_phone></xsl:template>
  <xsl:template match="m:behovBedomtAv"><need_assessed_by is="object"><xsl:apply-templates/></need_assessed_by></xsl:template>
  <xsl:template match="m:behovBedomt"><need_assessed_at><xsl:value-of select="normalize-space()"/></need_assessed_at></xsl:template>
  <xsl:template match="m:kvittens"><receipt c:codes="receipt"><xsl:apply-templates/></receipt></xsl:template>
  <xsl:template match="m:kontaktNamn"><contact_name><xsl:apply-templates/></contact_name></xsl:template>
  <xsl:template match="m:kontaktTelefon"><contact_phone><xsl:apply-templates/></contact_phone></xsl:template>
  <xsl:template match="m:besvarad"><answered_on><xsl:value-of select="normalize-space()"/></answered_on></xsl:template>
  <xsl:template match="m:foreslagenTid"><proposed_time><xsl:value-of select="normalize-space()"/></proposed_time></xsl:template>
  <xsl:template match="m:aterkalladDag"><withdrawn_on><xsl:value-of select="normalize-space()"/></withdrawn_on></xsl:template>
  <xsl:template match="m:saknas"><missing c:codes="missing"><xsl:apply-templates/></missing></xsl:template>
  <xsl:template match="m:nyEnhet"><new_unit><xsl:apply-templates/></new_unit></xsl:template>
  <xsl:template match="m:adressat"><recipient><xsl:apply-templates/></recipient></xsl:template>
  <xsl:template match="m:kanal"><channel c:codes="channel"><xsl:apply-templates/></channel></xsl:template>
  <xsl:template match="m:utlamnad"><delivered_on><xsl:value-of select="normalize-space()"/></delivered_on></xsl:template>
  <xsl:template match="m:franDatum"><from_date><xsl:value-of select="normalize-space()"/></from_date></xsl:template>
  <xsl:template match="m:overenskommetMedDenEnskilde"><agreed_with_individual is="boolean"><xsl:value-of select="normalize-space()"/></agreed_with_individual></xsl:template>
  <xsl:template match="m:ersattareForSamordnaren"><deputy is="object"><xsl:apply-templates/></deputy></xsl:template>
  <xsl:template match="m:iStallet"><fallback c:codes="fallback"><xsl:apply-templates/></fallback></xsl:template>
  <xsl:template match="m:insatsId"><activity><xsl:apply-templates/></activity></xsl:template>
  <xsl:template match="m:status"><status c:codes="activity-state"><xsl:if test="@snomedCt"><xsl:attribute name="c:beside">activity-state-snomed <xsl:value-of select="@snomedCt"/></xsl:attribute></xsl:if><xsl:apply-templates/></status></xsl:template>
  <xsl:template match="m:statusDatum"><status_on><xsl:value-of select="normalize-space()"/></status_on></xsl:template>
  <xsl:template match="m:rapporteradAv"><reporter is="object"><xsl:apply-templates/></reporter></xsl:template>
  <xsl:template match="m:malId"><goal><xsl:apply-templates/></goal></xsl:template>
  <xsl:template match="m:nastaUppfoljning"><next_follow_up_on><xsl:value-of select="normalize-space()"/></next_follow_up_on></xsl:template>
  <xsl:template match="m:denEnskildesBetyg"><individual_rating is="number"><xsl:value-of select="normalize-space()"/></individual_rating></xsl:template>
  <xsl:template match="m:inskrivandeEnhet"><admitting_unit><xsl:apply-templates/></admitting_unit></xsl:template>
  <xsl:template match="m:inskriven"><admitted_at><xsl:value-of select="normalize-space()"/></admitted_at></xsl:template>
  <xsl:template match="m:planeradUtskrivning"><planned_discharge_on><xsl:value-of select="normalize-space()"/></planned_discharge_on></xsl:template>
  <xsl:template match="m:kommun"><municipality><xsl:apply-templates/></municipality></xsl:template>
  <xsl:template match="m:fastVardkontaktEnhet"><care_contact_unit><xsl:apply-templates/></care_contact_unit></xsl:template>
  <xsl:template match="m:underrattelseId"><notice_id><xsl:apply-templates/></notice_id></xsl:template>
  <xsl:template match="m:lamnad"><given_at><xsl:value-of select="normalize-space()"/></given_at></xsl:template>
  <xsl:template match="m:utskrivningsklarFran"><ready_at><xsl:value-of select="normalize-space()"/></ready_at></xsl:template>
  <xsl:template match="m:aterkallad"><revoked_at><xsl:value-of select="normalize-space()"/></revoked_at></xsl:template>
  <xsl:template match="m:utskriven"><discharged_at><xsl:value-of select="normalize-space()"/></discharged_at></xsl:template>
  <xsl:template match="m:avbruten"><interrupted_at><xsl:value-of select="normalize-space()"/></interrupted_at></xsl:template>
  <xsl:template match="m:upptacktAv"><found_by is="object"><xsl:apply-templates/></found_by></xsl:template>
  <xsl:template match="m:upptackt"><found_on><xsl:value-of select="normalize-space()"/></found_on></xsl:template>
  <xsl:template match="m:dodsdatum"><died_on><xsl:value-of select="normalize-space()"/></died_on></xsl:template>
  <xsl:template match="m:anmaltAv"><reported_by is="object"><xsl:apply-templates/></reported_by></xsl:template>
  <xsl:template match="m:lagrum"><legal_basis c:codes="legal-basis"><xsl:apply-templates/></legal_basis></xsl:template>
  <xsl:template match="m:chefsoverlakare"><chief_physician is="object"><xsl:apply-templates/></chief_physician></xsl:template>
  <xsl:template match="m:omprovning"><reviewed_on><xsl:value-of select="normalize-space()"/></reviewed_on></xsl:template>
  <xsl:template match="m:begardAvDenEnskilde"><requested_by_individual is="boolean"><xsl:value-of select="normalize-space()"/></requested_by_individual></xsl:template>
  <xsl:template match="m:insatsEnligtLss"><measure><xsl:apply-templates/></measure></xsl:template>
  <xsl:template match="m:kommunalHalsoOchSjukvard"><municipal_health_care is="boolean"><xsl:value-of select="normalize-space()"/></municipal_health_care></xsl:template>
  <xsl:template match="m:skriftligtUnderlag"><written_input_ref><xsl:apply-templates/></written_input_ref></xsl:template>
  <xsl:template match="m:samordnarenValdesAv"><coordinator_chosen_by c:codes="chosen-by"><xsl:apply-templates/></coordinator_chosen_by></xsl:template>
  <xsl:template match="m:fastaVardkontakter"><care_contacts is="array"><xsl:for-each select="m:fastVardkontakt"><item is="object"><xsl:apply-templates/></item></xsl:for-each></care_contacts></xsl:template>
  <xsl:template match="m:fragorTill"><questions_to is="object"><xsl:apply-templates/></questions_to></xsl:template>
  <xsl:template match="m:originaletFinnsHos"><original_holder><xsl:apply-templates/></original_holder></xsl:template>
  <xsl:template match="m:samtyckesuppgift"><consent_statement is="object"><xsl:apply-templates/></consent_statement></xsl:template>
  <xsl:template match="m:sedan"><since><xsl:value-of select="normalize-space()"/></since></xsl:template>
  <xsl:template match="m:slutarGalla"><until><xsl:value-of select="normalize-space()"/></until></xsl:template>
  <xsl:template match="m:referens"><ref><xsl:apply-templates/></ref></xsl:template>
  <xsl:template match="m:relation"><relation><xsl:apply-templates/></relation></xsl:template>
  <xsl:template match="m:vald"><chosen is="boolean"><xsl:value-of select="normalize-space()"/></chosen></xsl:template>
  <xsl:template match="m:invandning"><objection is="boolean"><xsl:value-of select="normalize-space()"/></objection></xsl:template>
  <xsl:template match="m:hemligAdress"><address_secret is="boolean"><xsl:value-of select="normalize-space()"/></address_secret></xsl:template>
  <xsl:template match="m:namnFarVisas"><agrees_to_be_named is="boolean"><xsl:value-of select="normalize-space()"/></agrees_to_be_named></xsl:template>
  <xsl:template match="m:initiativgrund"><basis c:codes="eligibility-basis"><xsl:apply-templates/></basis></xsl:template>
  <xsl:template match="m:stallningstagande"><decision c:codes="request-decision"><xsl:apply-templates/></decision></xsl:template>
  <xsl:template match="m:fortsattning"><decision c:codes="follow-up-decision"><xsl:apply-templates/></decision></xsl:template>
  <xsl:template match="m:felsandningsskal"><reason c:codes="misdirected-reason"><xsl:apply-templates/></reason></xsl:template>
  <xsl:template match="m:resultat"><outcome><xsl:apply-templates/></outcome></xsl:template>
  <xsl:template match="m:avbrottsorsak"><code c:codes="interruption"><xsl:apply-templates/></code></xsl:template>
  <xsl:template match="m:galler"><extent c:codes="error-extent"><xsl:apply-templates/></extent></xsl:template>
  <xsl:template match="m:uppfyllelse"><status c:codes="goal-state"><xsl:apply-templates/></status></xsl:template>
  <xsl:template match="m:planansvarig"><responsible is="object"><xsl:apply-templates/></responsible></xsl:template>
  <xsl:template match="m:natverk"><network is="array"><xsl:for-each select="m:natverkskontakt"><item is="object"><xsl:apply-templates/></item></xsl:for-each></network></xsl:template>
  <xsl:template match="m:onskasPaMotet"><wanted_at_meeting c:codes="wanted"><xsl:apply-templates/></wanted_at_meeting></xsl:template>
  <xsl:template match="m:personer"><people is="array"><xsl:for-each select="m:person"><item is="object"><xsl:apply-templates/></item></xsl:for-each></people></xsl:template>
  <xsl:template match="m:adress"><address_lines is="array"><xsl:for-each select="m:adressrad"><item><xsl:apply-templates/></item></xsl:for-each></address_lines></xsl:template>
  <xsl:template match="m:justeradAv"><adjusted_by is="array"><xsl:for-each select="m:enhet"><item><xsl:apply-templates/></item></xsl:for-each></adjusted_by></xsl:template>
  <xsl:template match="m:statusfragor"><questions is="array"><xsl:for-each select="m:statusfraga"><item is="object"><xsl:apply-templates/></item></xsl:for-each></questions></xsl:template>
  <xsl:template match="m:maluppfyllelse"><goals is="array"><xsl:for-each select="m:malstatus"><item is="object"><xsl:apply-templates/></item></xsl:for-each></goals></xsl:template>
  <xsl:template match="m:insatslagen"><activities is="array"><xsl:for-each select="m:insatslage"><item is="object"><xsl:apply-templates/></item></xsl:for-each></activities></xsl:template>
</xsl:stylesheet>
