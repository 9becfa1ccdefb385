<?xml version="1.0" encoding="UTF-8"?>
<!--
  From the hub's canonical message to the municipality's XML. Structure only: words for codes stand in codes.csv.

  In:  the neutral XML of a message (namespace urn:siphub:canonical:1), one element per field, a list as a field with items.
  Out: sipMeddelande. An element marked c:codes="table" holds a code of ours, which the hub translates by that table afterwards.
  A field that no template names stops the translation: nothing is left out in silence.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:c="urn:siphub:canonical:1"
                xmlns="urn:siphub:municipal-sip:1.0">
  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <xsl:template match="/c:message">
    <sipMeddelande schemaVersion="{c:schema_version}">
      <kuvert><xsl:apply-templates select="*[not(self::c:schema_version or self::c:type or self::c:content)]"/></kuvert>
      <xsl:apply-templates select="c:content"/>
    </sipMeddelande>
  </xsl:template>

  <xsl:template match="*"><xsl:message terminate="yes">out.xsl has no template for the field <xsl:value-of select="local-name()"/></xsl:message></xsl:template>

  <!-- What kind of message it is -->
  <xsl:template match="c:content[../c:type='sip.requested']"><begaran><xsl:apply-templates/></begaran></xsl:template>
  <xsl:template match="c:content[../c:type='sip.proposed']"><forslag><xsl:apply-templates/></forslag></xsl:template>
  <xsl:template match="c:content[../c:type='need.assessed']"><behovsbedomning><xsl:apply-templates/></behovsbedomning></xsl:template>
  <xsl:template match="c:content[../c:type='participants.approved']"><godkandaDeltagare><xsl:apply-templates/></godkandaDeltagare></xsl:template>
  <xsl:template match="c:content[../c:type='consent.given']"><samtycke><xsl:apply-templates/></samtycke></xsl:template>
  <xsl:template match="c:content[../c:type='consent.refused']"><nekande><xsl:apply-templates/></nekande></xsl:template>
  <xsl:template match="c:content[../c:type='consent.amended']"><andratSamtycke><xsl:apply-templates/></andratSamtycke></xsl:template>
  <xsl:template match="c:content[../c:type='consent.withdrawn']"><aterkallatSamtycke><xsl:apply-templates/></aterkallatSamtycke></xsl:template>
  <xsl:template match="c:content[../c:type='meeting.summoned']"><kallelse><xsl:apply-templates/></kallelse></xsl:template>
  <xsl:template match="c:content[../c:type='meeting.invited']"><inbjudan><xsl:apply-templates/></inbjudan></xsl:template>
  <xsl:template match="c:content[../c:type='meeting.response']"><motessvar><xsl:apply-templates/></motessvar></xsl:template>
  <xsl:template match="c:content[../c:type='meeting.rescheduled']"><ombokning><xsl:apply-templates/></ombokning></xsl:template>
  <xsl:template match="c:content[../c:type='meeting.cancelled']"><avbokning><xsl:apply-templates/></avbokning></xsl:template>
  <xsl:template match="c:content[../c:type='meeting.held']"><genomfortMote><xsl:apply-templates/></genomfortMote></xsl:template>
  <xsl:template match="c:content[../c:type='plan.proposed']"><planforslag><xsl:apply-templates/></planforslag></xsl:template>
  <xsl:template match="c:content[../c:type='plan.established']"><upprattadPlan><xsl:apply-templates/></upprattadPlan></xsl:template>
  <xsl:template match="c:content[../c:type='plan.commitment.confirmed']"><bekraftatAtagande><xsl:apply-templates/></bekraftatAtagande></xsl:template>
  <xsl:template match="c:content[../c:type='plan.commitment.rejected']"><avvisatAtagande><xsl:apply-templates/></avvisatAtagande></xsl:template>
  <xsl:template match="c:content[../c:type='plan.revised']"><revideradPlan><xsl:apply-templates/></revideradPlan></xsl:template>
  <xsl:template match="c:content[../c:type='plan.closed']"><avslut><xsl:apply-templates/></avslut></xsl:template>
  <xsl:template match="c:content[../c:type='ack.transport']"><transportkvittens><xsl:apply-templates/></transportkvittens></xsl:template>
  <xsl:template match="c:content[../c:type='ack.received']"><mottagningskvittens><xsl:apply-templates/></mottagningskvittens></xsl:template>
  <xsl:template match="c:content[../c:type='nack']"><ejMottaget><xsl:apply-templates/></ejMottaget></xsl:template>
  <xsl:template match="c:content[../c:type='ack.read']"><laskvittens><xsl:apply-templates/></laskvittens></xsl:template>
  <xsl:template match="c:content[../c:type='stop.notice']"><stoppbesked><xsl:apply-templates/></stoppbesked></xsl:template>
  <xsl:template match="c:content[../c:type='sip.initiated']"><initiativ><xsl:apply-templates/></initiativ></xsl:template>
  <xsl:template match="c:content[../c:type='sip.request.answered']"><svarPaBegaran><xsl:apply-templates/></svarPaBegaran></xsl:template>
  <xsl:template match="c:content[../c:type='sip.request.withdrawn']"><aterkalladBegaran><xsl:apply-templates/></aterkalladBegaran></xsl:template>
  <xsl:template match="c:content[../c:type='meeting.reminder']"><paminnelse><xsl:apply-templates/></paminnelse></xsl:template>
  <xsl:template match="c:content[../c:type='message.misdirected']"><felsant><xsl:apply-templates/></felsant></xsl:template>
  <xsl:template match="c:content[../c:type='message.forwarded']"><vidaresant><xsl:apply-templates/></vidaresant></xsl:template>
  <xsl:template match="c:content[../c:type='plan.copy.delivered']"><utlamnadKopia><xsl:apply-templates/></utlamnadKopia></xsl:template>
  <xsl:template match="c:content[../c:type='coordinator.changed']"><samordnarbyte><xsl:apply-templates/></samordnarbyte></xsl:template>
  <xsl:template match="c:content[../c:type='delivery.failed']"><ejLevererat><xsl:apply-templates/></ejLevererat></xsl:template>
  <xsl:template match="c:content[../c:type='followup.summoned']"><uppfoljningskallelse><xsl:apply-templates/></uppfoljningskallelse></xsl:template>
  <xsl:template match="c:content[../c:type='activity.status']"><insatsstatus><xsl:apply-templates/></insatsstatus></xsl:template>
  <xsl:template match="c:content[../c:type='followup.held']"><genomfordUppfoljning><xsl:apply-templates/></genomfordUppfoljning></xsl:template>
  <xsl:template match="c:content[../c:type='inpatient.admitted']"><inskrivning><xsl:apply-templates/></inskrivning></xsl:template>
  <xsl:template match="c:content[../c:type='inpatient.discharge_ready']"><utskrivningsklar><xsl:apply-templates/></utskrivningsklar></xsl:template>
  <xsl:template match="c:content[../c:type='inpatient.discharge_ready.revoked']"><aterkalladUtskrivningsklar><xsl:apply-templates/></aterkalladUtskrivningsklar></xsl:template>
  <xsl:template match="c:content[../c:type='inpatient.discharged']"><utskrivning><xsl:apply-templates/></utskrivning></xsl:template>
  <xsl:template match="c:content[../c:type='process.interrupted']"><avbrott><xsl:apply-templates/></avbrott></xsl:template>
  <xsl:template match="c:content[../c:type='message.entered_in_error']"><felregistrering><xsl:apply-templates/></felregistrering></xsl:template>
  <xsl:template match="c:content[../c:type='subject.deceased']"><avliden><xsl:apply-templates/></avliden></xsl:template>
  <xsl:template match="c:content[../c:type='splptlrv.established']"><vardplanLptLrv><xsl:apply-templates/></vardplanLptLrv></xsl:template>
  <xsl:template match="c:content[../c:type='lss.established']"><planLss><xsl:apply-templates/></planLss></xsl:template>

  <!-- The individual's number: the kind becomes the element -->
  <xsl:template match="c:identity[c:kind = 'personnummer']"><identitet><personnummer><xsl:value-of select="c:value"/></personnummer></identitet></xsl:template>
  <xsl:template match="c:identity[c:kind = 'samordningsnummer']"><identitet><samordningsnummer><xsl:value-of select="c:value"/></samordningsnummer></identitet></xsl:template>
  <xsl:template match="c:identity[c:kind = 'reservnummer']"><identitet><reservnummer><xsl:value-of select="c:value"/></reservnummer></identitet></xsl:template>

  <!-- Fields, in the order of the schema. A match with a path is an exception to the one without, or one of several meanings of the same name. -->
  <xsl:template match="c:message_id"><avserMeddelande><xsl:apply-templates/></avserMeddelande></xsl:template>
  <xsl:template match="/c:message/c:message_id"><meddelandeId><xsl:apply-templates/></meddelandeId></xsl:template>
  <xsl:template match="c:case_id"><arendeId><xsl:apply-templates/></arendeId></xsl:template>
  <xsl:template match="c:owner"><agare><xsl:apply-templates/></agare></xsl:template>
  <xsl:template match="c:conversation_id"><konversationId><xsl:apply-templates/></konversationId></xsl:template>
  <xsl:template match="c:causation_id"><svarPa><xsl:apply-templates/></svarPa></xsl:template>
  <xsl:template match="c:sent_at"><skickat><xsl:apply-templates/></skickat></xsl:template>
  <xsl:template match="c:sender"><avsandare><xsl:apply-templates/></avsandare></xsl:template>
  <xsl:template match="c:unit"><enhet><xsl:apply-templates/></enhet></xsl:template>
  <xsl:template match="c:organisation"><organisation><xsl:apply-templates/></organisation></xsl:template>
  <xsl:template match="c:author"><forfattare><xsl:apply-templates/></forfattare></xsl:template>
  <xsl:template match="c:name"><namn><xsl:apply-templates/></namn></xsl:template>
  <xsl:template match="c:role"><roll><xsl:apply-templates/></roll></xsl:template>
  <xsl:template match="c:recipients"><mottagare><xsl:for-each select="c:item"><xsl:apply-templates select="." mode="who"/></xsl:for-each></mottagare></xsl:template>
  <xsl:template match="c:item" mode="who"><enhet><xsl:apply-templates/></enhet></xsl:template>
  <xsl:template match="c:item[. = 'individual' or starts-with(., 'relative/') or starts-with(., 'guardian/') or starts-with(., 'representative/')]" mode="who"><person><xsl:apply-templates/></person></xsl:template>
  <xsl:template match="c:subject"><denEnskilde><xsl:apply-templates/></denEnskilde></xsl:template>
  <xsl:template match="c:identity"><identitet><xsl:apply-templates/></identitet></xsl:template>
  <xsl:template match="c:given_name"><fornamn><xsl:apply-templates/></fornamn></xsl:template>
  <xsl:template match="c:family_name"><efternamn><xsl:apply-templates/></efternamn></xsl:template>
  <xsl:template match="c:protection"><skydd c:codes="protection"><xsl:apply-templates/></skydd></xsl:template>
  <xsl:template match="/c:message/c:basis"><utlamnandegrund><xsl:apply-templates/></utlamnandegrund></xsl:template>
  <xsl:template match="c:content[../c:type='sip.proposed']/c:basis"><forslagsgrund c:codes="eligibility-basis"><xsl:apply-templates/></forslagsgrund></xsl:template>
  <xsl:template match="c:content[../c:type='meeting.cancelled']/c:code | c:content[../c:type='stop.notice']/c:code"><besked c:codes="stop"><xsl:apply-templates/></besked></xsl:template>
  <xsl:template match="c:basis/c:code"><grund c:codes="basis"><xsl:apply-templates/></grund></xsl:template>
  <xsl:template match="c:content[../c:type='nack']/c:code"><felkod><xsl:apply-templates/></felkod></xsl:template>
  <xsl:template match="c:consent_refs"><samtyckesreferenser><xsl:for-each select="c:item"><samtycke><xsl:apply-templates/></samtycke></xsl:for-each></samtyckesreferenser></xsl:template>
  <xsl:template match="c:decided_by"><beslutadAv><xsl:apply-templates/></beslutadAv></xsl:template>
  <xsl:template match="c:decided_at"><beslutad><xsl:apply-templates/></beslutad></xsl:template>
  <xsl:template match="c:reason"><skal><xsl:apply-templates/></skal></xsl:template>
  <xsl:template match="c:content[../c:type='need.assessed']/c:reason | c:content[../c:type='consent.amended']/c:reason"><motivering><xsl:apply-templates/></motivering></xsl:template>
  <xsl:template match="c:content[../c:type='plan.closed']/c:reason"><avslutsskal c:codes="closing-reason"><xsl:apply-templates/></avslutsskal></xsl:template>
  <xsl:template match="c:classification"><informationsklass c:codes="classification"><xsl:apply-templates/></informationsklass></xsl:template>
  <xsl:template match="c:expires_at"><upphor><xsl:apply-templates/></upphor></xsl:template>
  <xsl:template match="c:ack_requested"><kvittensBegard><xsl:apply-templates/></kvittensBegard></xsl:template>
  <xsl:template match="c:registry_number"><diarienummer><xsl:apply-templates/></diarienummer></xsl:template>
  <xsl:template match="c:requester"><begarandePerson><xsl:apply-templates/></begarandePerson></xsl:template>
  <xsl:template match="c:requester/c:kind"><slag c:codes="requester-kind"><xsl:apply-templates/></slag></xsl:template>
  <xsl:template match="c:network/c:item/c:kind"><slag c:codes="network-kind"><xsl:apply-templates/></slag></xsl:template>
  <xsl:template match="c:proposer/c:kind"><slag c:codes="proposer-kind"><xsl:apply-templates/></slag></xsl:template>
  <xsl:template match="c:given_by/c:kind"><slag c:codes="giver-kind"><xsl:apply-templates/></slag></xsl:template>
  <xsl:template match="c:place/c:kind"><slag c:codes="place-kind"><xsl:apply-templates/></slag></xsl:template>
  <xsl:template match="c:responsible/c:kind"><slag c:codes="responsible-kind"><xsl:apply-templates/></slag></xsl:template>
  <xsl:template match="c:overall_responsible/c:kind"><slag c:codes="principal-kind"><xsl:apply-templates/></slag></xsl:template>
  <xsl:template match="c:phone"><telefon><xsl:apply-templates/></telefon></xsl:template>
  <xsl:template match="c:email"><epost><xsl:apply-templates/></epost></xsl:template>
  <xsl:template match="c:receiving_unit"><mottagandeEnhet><xsl:apply-templates/></mottagandeEnhet></xsl:template>
  <xsl:template match="c:receiving_contact"><mottagandeKontakt><xsl:apply-templates/></mottagandeKontakt></xsl:template>
  <xsl:template match="c:requested_on"><begard><xsl:apply-templates/></begard></xsl:template>
  <xsl:template match="c:preparation"><forberedelse><xsl:apply-templates/></forberedelse></xsl:template>
  <xsl:template match="c:my_contacts"><minaKontakter><xsl:apply-templates/></minaKontakter></xsl:template>
  <xsl:template match="c:my_experience"><minErfarenhet><xsl:apply-templates/></minErfarenhet></xsl:template>
  <xsl:template match="c:needs_and_wishes"><behovOchOnskemal><xsl:apply-templates/></behovOchOnskemal></xsl:template>
  <xsl:template match="c:how_i_want_it"><hurJagVillHaDet><xsl:apply-templates/></hurJagVillHaDet></xsl:template>
  <xsl:template match="c:coordinator_wish"><onskadSamordnare><xsl:apply-templates/></onskadSamordnare></xsl:template>
  <xsl:template match="c:interpreter_language"><tolksprak><xsl:apply-templates/></tolksprak></xsl:template>
  <xsl:template match="c:recorded_by"><nedtecknadAv><xsl:apply-templates/></nedtecknadAv></xsl:template>
  <xsl:template match="c:proposer"><forslagsstallare><xsl:apply-templates/></forslagsstallare></xsl:template>
  <xsl:template match="c:proposed_on"><foreslaget><xsl:apply-templates/></foreslaget></xsl:template>
  <xsl:template match="c:purpose"><syfte><xsl:apply-templates/></syfte></xsl:template>
  <xsl:template match="c:needed"><behovFinns><xsl:apply-templates/></behovFinns></xsl:template>
  <xsl:template match="c:assessed_by"><bedomdAv><xsl:apply-templates/></bedomdAv></xsl:template>
  <xsl:template match="c:assessed_at"><bedomd><xsl:apply-templates/></bedomd></xsl:template>
  <xsl:template match="c:eligibility_basis"><bedomningsgrund c:codes="eligibility-basis"><xsl:apply-templates/></bedomningsgrund></xsl:template>
  <xsl:template match="c:individual_agrees"><denEnskildeInstammer><xsl:apply-templates/></denEnskildeInstammer></xsl:template>
  <xsl:template match="c:units"><enheter><xsl:for-each select="c:item"><enhet><xsl:apply-templates/></enhet></xsl:for-each></enheter></xsl:template>
  <xsl:template match="c:approved_on"><godkant><xsl:apply-templates/></godkant></xsl:template>
  <xsl:template match="c:approved_how"><form c:codes="form"><xsl:apply-templates/></form></xsl:template>
  <xsl:template match="c:wishes"><onskemal><xsl:apply-templates/></onskemal></xsl:template>
  <xsl:template match="c:decision"><beslut c:codes="decision"><xsl:apply-templates/></beslut></xsl:template>
  <xsl:template match="c:scopes"><omfattning><xsl:for-each select="c:item"><omrade c:codes="scope"><xsl:apply-templates/></omrade></xsl:for-each></omfattning></xsl:template>
  <xsl:template match="c:content[../c:type='consent.given']/c:parties"><parter><xsl:for-each select="c:item"><part><xsl:apply-templates/></part></xsl:for-each></parter></xsl:template>
  <xsl:template match="c:content[../c:type='consent.withdrawn']/c:parties"><berordaParter><xsl:for-each select="c:item"><vem><xsl:apply-templates/></vem></xsl:for-each></berordaParter></xsl:template>
  <xsl:template match="c:party"><vem><xsl:apply-templates/></vem></xsl:template>
  <xsl:template match="c:direction"><riktning c:codes="direction"><xsl:apply-templates/></riktning></xsl:template>
  <xsl:template match="c:mode"><form c:codes="form"><xsl:apply-templates/></form></xsl:template>
  <xsl:template match="c:given_by"><lamnatAv><xsl:apply-templates/></lamnatAv></xsl:template>
  <xsl:template match="c:ground"><stod c:codes="consent-ground"><xsl:apply-templates/></stod></xsl:template>
  <xsl:template match="c:guardians"><vardnadshavare><xsl:for-each select="c:item"><person><xsl:apply-templates/></person></xsl:for-each></vardnadshavare></xsl:template>
  <xsl:template match="c:cannot_wait"><kanInteVanta><xsl:apply-templates/></kanInteVanta></xsl:template>
  <xsl:template match="c:board_decision"><namndbeslut><xsl:apply-templates/></namndbeslut></xsl:template>
  <xsl:template match="c:board_decision/c:ref"><beteckning><xsl:apply-templates/></beteckning></xsl:template>
  <xsl:template match="c:board_decision/c:decided_on"><beslutsdag><xsl:apply-templates/></beslutsdag></xsl:template>
  <xsl:template match="c:board_decision/c:measure"><atgard><xsl:apply-templates/></atgard></xsl:template>
  <xsl:template match="c:matter"><angelagenhet><xsl:apply-templates/></angelagenhet></xsl:template>
  <xsl:template match="c:given_by/c:measure"><oppenInsats c:codes="measure"><xsl:apply-templates/></oppenInsats></xsl:template>
  <xsl:template match="c:suitability_by"><lampligtEnligt><xsl:apply-templates/></lampligtEnligt></xsl:template>
  <xsl:template match="c:representative"><stallforetradare><xsl:apply-templates/></stallforetradare></xsl:template>
  <xsl:template match="c:content[../c:type='consent.withdrawn']/c:by"><aterkallatAv><xsl:apply-templates/></aterkallatAv></xsl:template>
  <xsl:template match="c:capacity"><beslutsformaga><xsl:apply-templates/></beslutsformaga></xsl:template>
  <xsl:template match="c:state"><tillstand c:codes="capacity"><xsl:apply-templates/></tillstand></xsl:template>
  <xsl:template match="c:obtained_by"><inhamtatAv><xsl:apply-templates/></inhamtatAv></xsl:template>
  <xsl:template match="c:obtained_on"><inhamtat><xsl:apply-templates/></inhamtat></xsl:template>
  <xsl:template match="c:documented_in_record"><journalfort><xsl:apply-templates/></journalfort></xsl:template>
  <xsl:template match="c:valid_until"><gallerTill><xsl:apply-templates/></gallerTill></xsl:template>
  <xsl:template match="c:excluded_information"><undantagnaUppgifter><xsl:apply-templates/></undantagnaUppgifter></xsl:template>
  <xsl:template match="c:document_ref"><dokumentreferens><xsl:apply-templates/></dokumentreferens></xsl:template>
  <xsl:template match="c:registered_at_af"><registreratHosAf c:codes="registered"><xsl:apply-templates/></registreratHosAf></xsl:template>
  <xsl:template match="c:add_parties"><nyaParter><xsl:for-each select="c:item"><part><xsl:apply-templates/></part></xsl:for-each></nyaParter></xsl:template>
  <xsl:template match="c:remove_parties"><borttagnaParter><xsl:for-each select="c:item"><vem><xsl:apply-templates/></vem></xsl:for-each></borttagnaParter></xsl:template>
  <xsl:template match="c:add_scopes"><nyOmfattning><xsl:for-each select="c:item"><omrade c:codes="scope"><xsl:apply-templates/></omrade></xsl:for-each></nyOmfattning></xsl:template>
  <xsl:template match="c:remove_scopes"><borttagenOmfattning><xsl:for-each select="c:item"><omrade c:codes="scope"><xsl:apply-templates/></omrade></xsl:for-each></borttagenOmfattning></xsl:template>
  <xsl:template match="c:extent"><utstrackning c:codes="extent"><xsl:apply-templates/></utstrackning></xsl:template>
  <xsl:template match="c:received_by"><mottagetAv><xsl:apply-templates/></mottagetAv></xsl:template>
  <xsl:template match="c:at"><tidpunkt><xsl:apply-templates/></tidpunkt></xsl:template>
  <xsl:template match="c:meeting"><mote><xsl:apply-templates/></mote></xsl:template>
  <xsl:template match="c:id"><id><xsl:apply-templates/></id></xsl:template>
  <xsl:template match="c:version"><version><xsl:apply-templates/></version></xsl:template>
  <xsl:template match="c:starts_at"><borjar><xsl:apply-templates/></borjar></xsl:template>
  <xsl:template match="c:ends_at"><slutar><xsl:apply-templates/></slutar></xsl:template>
  <xsl:template match="c:zone"><tidszon><xsl:apply-templates/></tidszon></xsl:template>
  <xsl:template match="c:place"><plats><xsl:apply-templates/></plats></xsl:template>
  <xsl:template match="c:text"><text><xsl:apply-templates/></text></xsl:template>
  <xsl:template match="c:place/c:text"><beskrivning><xsl:apply-templates/></beskrivning></xsl:template>
  <xsl:template match="c:convener"><sammankallande><xsl:apply-templates/></sammankallande></xsl:template>
  <xsl:template match="c:duty_holder"><skyldig c:codes="duty-holder"><xsl:apply-templates/></skyldig></xsl:template>
  <xsl:template match="c:duty_basis"><skyldighetsgrund><xsl:apply-templates/></skyldighetsgrund></xsl:template>
  <xsl:template match="c:respond_by"><svaraSenast><xsl:apply-templates/></svaraSenast></xsl:template>
  <xsl:template match="c:coordinator"><samordnare><xsl:apply-templates/></samordnare></xsl:template>
  <xsl:template match="c:participating_units"><deltagandeEnheter><xsl:for-each select="c:item"><enhet><xsl:apply-templates/></enhet></xsl:for-each></deltagandeEnheter></xsl:template>
  <xsl:template match="c:agenda"><dagordning><xsl:for-each select="c:item"><punkt><xsl:apply-templates/></punkt></xsl:for-each></dagordning></xsl:template>
  <xsl:template match="c:individual_attendance"><denEnskildeForvantas c:codes="expected-attendance"><xsl:apply-templates/></denEnskildeForvantas></xsl:template>
  <xsl:template match="c:evaluation_on"><utvarderas><xsl:apply-templates/></utvarderas></xsl:template>
  <xsl:template match="c:preparation_ref"><underlag><xsl:apply-templates/></underlag></xsl:template>
  <xsl:template match="c:relatives_present"><antalNarstaende><xsl:apply-templates/></antalNarstaende></xsl:template>
  <xsl:template match="c:questions"><fragor><xsl:for-each select="c:item"><fraga><xsl:apply-templates/></fraga></xsl:for-each></fragor></xsl:template>
  <xsl:template match="c:digital_option"><digitaltAlternativ><xsl:apply-templates/></digitaltAlternativ></xsl:template>
  <xsl:template match="c:meeting_id"><moteId><xsl:apply-templates/></moteId></xsl:template>
  <xsl:template match="c:meeting_version"><moteVersion><xsl:apply-templates/></moteVersion></xsl:template>
  <xsl:template match="c:response"><svar c:codes="response"><xsl:apply-templates/></svar></xsl:template>
  <xsl:template match="c:responder"><svarande><xsl:apply-templates/></svarande></xsl:template>
  <xsl:template match="c:proposed_times"><foreslagnaTider><xsl:for-each select="c:item"><tid><xsl:apply-templates/></tid></xsl:for-each></foreslagnaTider></xsl:template>
  <xsl:template match="c:substitute_unit"><ersattandeEnhet><xsl:apply-templates/></ersattandeEnhet></xsl:template>
  <xsl:template match="c:substitute_name"><ersattare><xsl:apply-templates/></ersattare></xsl:template>
  <xsl:template match="c:supersedes"><ersatterVersion><xsl:apply-templates/></ersatterVersion></xsl:template>
  <xsl:template match="c:held_on"><genomfort><xsl:apply-templates/></genomfort></xsl:template>
  <xsl:template match="c:attended_units"><narvarandeEnheter><xsl:for-each select="c:item"><enhet><xsl:apply-templates/></enhet></xsl:for-each></narvarandeEnheter></xsl:template>
  <xsl:template match="c:individual"><denEnskildeVar c:codes="attendance"><xsl:apply-templates/></denEnskildeVar></xsl:template>
  <xsl:template match="c:outcome"><utfall c:codes="outcome"><xsl:apply-templates/></utfall></xsl:template>
  <xsl:template match="c:interpreter_used"><tolkAnlitades><xsl:apply-templates/></tolkAnlitades></xsl:template>
  <xsl:template match="c:plan"><plan><xsl:apply-templates/></plan></xsl:template>
  <xsl:template match="c:made_on"><upprattad><xsl:apply-templates/></upprattad></xsl:template>
  <xsl:template match="c:needs"><behov><xsl:for-each select="c:item"><punkt><xsl:apply-templates/></punkt></xsl:for-each></behov></xsl:template>
  <xsl:template match="c:plan/c:goals"><mal><xsl:for-each select="c:item"><punkt><xsl:apply-templates/></punkt></xsl:for-each></mal></xsl:template>
  <xsl:template match="c:activities/c:item/c:goals"><avserMal><xsl:for-each select="c:item"><malId><xsl:apply-templates/></malId></xsl:for-each></avserMal></xsl:template>
  <xsl:template match="c:activities"><avserInsatser><xsl:for-each select="c:item"><insatsId><xsl:apply-templates/></insatsId></xsl:for-each></avserInsatser></xsl:template>
  <xsl:template match="c:plan/c:activities | c:content[../c:type='splptlrv.established']/c:activities | c:content[../c:type='lss.established']/c:activities"><insatser><xsl:for-each select="c:item"><insats><xsl:apply-templates/></insats></xsl:for-each></insatser></xsl:template>
  <xsl:template match="c:what"><vad><xsl:apply-templates/></vad></xsl:template>
  <xsl:template match="c:when"><nar><xsl:apply-templates/></nar></xsl:template>
  <xsl:template match="c:ends_on"><slutdatum><xsl:apply-templates/></slutdatum></xsl:template>
  <xsl:template match="c:responsible"><ansvarig><xsl:apply-templates/></ansvarig></xsl:template>
  <xsl:template match="c:follow_up"><uppfoljning><xsl:apply-templates/></uppfoljning></xsl:template>
  <xsl:template match="c:overall_responsible"><huvudansvarig><xsl:apply-templates/></huvudansvarig></xsl:template>
  <xsl:template match="c:main_responsible"><huvudansvarigPerson><xsl:apply-templates/></huvudansvarigPerson></xsl:template>
  <xsl:template match="c:follow_up_on"><foljsUpp><xsl:apply-templates/></foljsUpp></xsl:template>
  <xsl:template match="c:crisis_plan"><krisplan><xsl:apply-templates/></krisplan></xsl:template>
  <xsl:template match="c:housing"><boende><xsl:apply-templates/></boende></xsl:template>
  <xsl:template match="c:notes"><anteckningar><xsl:apply-templates/></anteckningar></xsl:template>
  <xsl:template match="c:plan_id"><planId><xsl:apply-templates/></planId></xsl:template>
  <xsl:template match="c:plan_version"><planVersion><xsl:apply-templates/></planVersion></xsl:template>
  <xsl:template match="c:comment"><kommentar><xsl:apply-templates/></kommentar></xsl:template>
  <xsl:template match="c:changes"><andringar><xsl:apply-templates/></andringar></xsl:template>
  <xsl:template match="c:approved_by_individual"><godkandAvDenEnskilde><xsl:apply-templates/></godkandAvDenEnskilde></xsl:template>
  <xsl:template match="c:closed_on"><avslutad><xsl:apply-templates/></avslutad></xsl:template>
  <xsl:template match="c:closed_by"><avslutadAv><xsl:apply-templates/></avslutadAv></xsl:template>
  <xsl:template match="c:duplicate"><dubblett><xsl:apply-templates/></dubblett></xsl:template>
  <xsl:template match="c:severity"><allvar c:codes="severity"><xsl:apply-templates/></allvar></xsl:template>
  <xsl:template match="c:reader_role"><lasareRoll><xsl:apply-templates/></lasareRoll></xsl:template>
  <xsl:template match="c:reader_name"><lasareNamn><xsl:apply-templates/></lasareNamn></xsl:template>
  <xsl:template match="c:case_reference"><arendereferens><xsl:apply-templates/></arendereferens></xsl:template>
  <xsl:template match="c:about"><avser c:codes="about"><xsl:apply-templates/></avser></xsl:template>
  <xsl:template match="c:about_id"><avserId><xsl:apply-templates/></avserId></xsl:template>
  <xsl:template match="c:about_version"><avserVersion><xsl:apply-templates/></avserVersion></xsl:template>
  <xsl:template match="c:initiator"><initiativtagare><xsl:apply-templates/></initiativtagare></xsl:template>
  <xsl:template match="c:initiator_phone"><initiativtagarensTelefon><xsl:apply-templates/></initiativtagarensTelefon></xsl:template>
  <xsl:template match="c:need_assessed_by"><behovBedomtAv><xsl:apply-templates/></behovBedomtAv></xsl:template>
  <xsl:template match="c:need_assessed_at"><behovBedomt><xsl:apply-templates/></behovBedomt></xsl:template>
  <xsl:template match="c:receipt"><kvittens c:codes="receipt"><xsl:apply-templates/></kvittens></xsl:template>
  <xsl:template match="c:contact_name"><kontaktNamn><xsl:apply-templates/></kontaktNamn></xsl:template>
  <xsl:template match="c:contact_phone"><kontaktTelefon><xsl:apply-templates/></kontaktTelefon></xsl:template>
  <xsl:template match="c:answered_on"><besvarad><xsl:apply-templates/></besvarad></xsl:template>
  <xsl:template match="c:proposed_time"><foreslagenTid><xsl:apply-templates/></foreslagenTid></xsl:template>
  <xsl:template match="c:withdrawn_on"><aterkalladDag><xsl:apply-templates/></aterkalladDag></xsl:template>
  <xsl:template match="c:missing"><saknas c:codes="missing"><xsl:apply-templates/></saknas></xsl:template>
  <xsl:template match="c:new_unit"><nyEnhet><xsl:apply-templates/></nyEnhet></xsl:template>
  <xsl:template match="c:recipient"><adressat><xsl:apply-templates/></adressat></xsl:template>
  <xsl:template match="c:channel"><kanal c:codes="channel"><xsl:apply-templates/></kanal></xsl:template>
  <xsl:template match="c:delivered_on"><utlamnad><xsl:apply-templates/></utlamnad></xsl:template>
  <xsl:template match="c:from_date"><franDatum><xsl:apply-templates/></franDatum></xsl:template>
  <xsl:template match="c:agreed_with_individual"><overenskommetMedDenEnskilde><xsl:apply-templates/></overenskommetMedDenEnskilde></xsl:template>
  <xsl:template match="c:deputy"><ersattareForSamordnaren><xsl:apply-templates/></ersattareForSamordnaren></xsl:template>
  <xsl:template match="c:fallback"><iStallet c:codes="fallback"><xsl:apply-templates/></iStallet></xsl:template>
  <xsl:template match="c:activity"><insatsId><xsl:apply-templates/></insatsId></xsl:template>
  <xsl:template match="c:status"><status c:codes="activity-state" c:beside="activity-state-snomed snomedCt"><xsl:apply-templates/></status></xsl:template>
  <xsl:template match="c:status_on"><statusDatum><xsl:apply-templates/></statusDatum></xsl:template>
  <xsl:template match="c:reporter"><rapporteradAv><xsl:apply-templates/></rapporteradAv></xsl:template>
  <xsl:template match="c:goal"><malId><xsl:apply-templates/></malId></xsl:template>
  <xsl:template match="c:next_follow_up_on"><nastaUppfoljning><xsl:apply-templates/></nastaUppfoljning></xsl:template>
  <xsl:template match="c:individual_rating"><denEnskildesBetyg><xsl:apply-templates/></denEnskildesBetyg></xsl:template>
  <xsl:template match="c:admitting_unit"><inskrivandeEnhet><xsl:apply-templates/></inskrivandeEnhet></xsl:template>
  <xsl:template match="c:admitted_at"><inskriven><xsl:apply-templates/></inskriven></xsl:template>
  <xsl:template match="c:planned_discharge_on"><planeradUtskrivning><xsl:apply-templates/></planeradUtskrivning></xsl:template>
  <xsl:template match="c:municipality"><kommun><xsl:apply-templates/></kommun></xsl:template>
  <xsl:template match="c:care_contact_unit"><fastVardkontaktEnhet><xsl:apply-templates/></fastVardkontaktEnhet></xsl:template>
  <xsl:template match="c:notice_id"><underrattelseId><xsl:apply-templates/></underrattelseId></xsl:template>
  <xsl:template match="c:given_at"><lamnad><xsl:apply-templates/></lamnad></xsl:template>
  <xsl:template match="c:ready_at"><utskrivningsklarFran><xsl:apply-templates/></utskrivningsklarFran></xsl:template>
  <xsl:template match="c:revoked_at"><aterkallad><xsl:apply-templates/></aterkallad></xsl:template>
  <xsl:template match="c:discharged_at"><utskriven><xsl:apply-templates/></utskriven></xsl:template>
  <xsl:template match="c:interrupted_at"><avbruten><xsl:apply-templates/></avbruten></xsl:template>
  <xsl:template match="c:found_by"><upptacktAv><xsl:apply-templates/></upptacktAv></xsl:template>
  <xsl:template match="c:found_on"><upptackt><xsl:apply-templates/></upptackt></xsl:template>
  <xsl:template match="c:died_on"><dodsdatum><xsl:apply-templates/></dodsdatum></xsl:template>
  <xsl:template match="c:reported_by"><anmaltAv><xsl:apply-templates/></anmaltAv></xsl:template>
  <xsl:template match="c:legal_basis"><lagrum c:codes="legal-basis"><xsl:apply-templates/></lagrum></xsl:template>
  <xsl:template match="c:chief_physician"><chefsoverlakare><xsl:apply-templates/></chefsoverlakare></xsl:template>
  <xsl:template match="c:reviewed_on"><omprovning><xsl:apply-templates/></omprovning></xsl:template>
  <xsl:template match="c:requested_by_individual"><begardAvDenEnskilde><xsl:apply-templates/></begardAvDenEnskilde></xsl:template>
  <xsl:template match="c:measure"><insatsEnligtLss><xsl:apply-templates/></insatsEnligtLss></xsl:template>
  <xsl:template match="c:municipal_health_care"><kommunalHalsoOchSjukvard><xsl:apply-templates/></kommunalHalsoOchSjukvard></xsl:template>
  <xsl:template match="c:written_input_ref"><skriftligtUnderlag><xsl:apply-templates/></skriftligtUnderlag></xsl:template>
  <xsl:template match="c:coordinator_chosen_by"><samordnarenValdesAv c:codes="chosen-by"><xsl:apply-templates/></samordnarenValdesAv></xsl:template>
  <xsl:template match="c:care_contacts"><fastaVardkontakter><xsl:for-each select="c:item"><fastVardkontakt><xsl:apply-templates/></fastVardkontakt></xsl:for-each></fastaVardkontakter></xsl:template>
  <xsl:template match="c:questions_to"><fragorTill><xsl:apply-templates/></fragorTill></xsl:template>
  <xsl:template match="c:original_holder"><originaletFinnsHos><xsl:apply-templates/></originaletFinnsHos></xsl:template>
  <xsl:template match="c:consent_statement"><samtyckesuppgift><xsl:apply-templates/></samtyckesuppgift></xsl:template>
  <xsl:template match="c:since"><sedan><xsl:apply-templates/></sedan></xsl:template>
  <xsl:template match="c:until"><slutarGalla><xsl:apply-templates/></slutarGalla></xsl:template>
  <xsl:template match="c:ref"><referens><xsl:apply-templates/></referens></xsl:template>
  <xsl:template match="c:relation"><relation><xsl:apply-templates/></relation></xsl:template>
  <xsl:template match="c:chosen"><vald><xsl:apply-templates/></vald></xsl:template>
  <xsl:template match="c:objection"><invandning><xsl:apply-templates/></invandning></xsl:template>
  <xsl:template match="c:address_secret"><hemligAdress><xsl:apply-templates/></hemligAdress></xsl:template>
  <xsl:template match="c:agrees_to_be_named"><namnFarVisas><xsl:apply-templates/></namnFarVisas></xsl:template>
  <xsl:template match="c:content[../c:type='sip.initiated']/c:basis"><initiativgrund c:codes="eligibility-basis"><xsl:apply-templates/></initiativgrund></xsl:template>
  <xsl:template match="c:content[../c:type='sip.request.answered']/c:decision"><stallningstagande c:codes="request-decision"><xsl:apply-templates/></stallningstagande></xsl:template>
  <xsl:template match="c:content[../c:type='followup.held']/c:decision"><fortsattning c:codes="follow-up-decision"><xsl:apply-templates/></fortsattning></xsl:template>
  <xsl:template match="c:content[../c:type='message.misdirected']/c:reason"><felsandningsskal c:codes="misdirected-reason"><xsl:apply-templates/></felsandningsskal></xsl:template>
  <xsl:template match="c:content[../c:type='activity.status']/c:outcome"><resultat><xsl:apply-templates/></resultat></xsl:template>
  <xsl:template match="c:content[../c:type='process.interrupted']/c:code"><avbrottsorsak c:codes="interruption"><xsl:apply-templates/></avbrottsorsak></xsl:template>
  <xsl:template match="c:content[../c:type='message.entered_in_error']/c:extent"><galler c:codes="error-extent"><xsl:apply-templates/></galler></xsl:template>
  <xsl:template match="c:goals/c:item/c:status"><uppfyllelse c:codes="goal-state"><xsl:apply-templates/></uppfyllelse></xsl:template>
  <xsl:template match="c:content[../c:type='lss.established']/c:responsible"><planansvarig><xsl:apply-templates/></planansvarig></xsl:template>
  <xsl:template match="c:content[../c:type='sip.initiated']/c:reason | c:content[../c:type='inpatient.admitted']/c:reason"><motivering><xsl:apply-templates/></motivering></xsl:template>
  <xsl:template match="c:network"><natverk><xsl:for-each select="c:item"><natverkskontakt><xsl:apply-templates/></natverkskontakt></xsl:for-each></natverk></xsl:template>
  <xsl:template match="c:wanted_at_meeting"><onskasPaMotet c:codes="wanted"><xsl:apply-templates/></onskasPaMotet></xsl:template>
  <xsl:template match="c:people"><personer><xsl:for-each select="c:item"><person><xsl:apply-templates/></person></xsl:for-each></personer></xsl:template>
  <xsl:template match="c:address_lines"><adress><xsl:for-each select="c:item"><adressrad><xsl:apply-templates/></adressrad></xsl:for-each></adress></xsl:template>
  <xsl:template match="c:adjusted_by"><justeradAv><xsl:for-each select="c:item"><enhet><xsl:apply-templates/></enhet></xsl:for-each></justeradAv></xsl:template>
  <xsl:template match="c:content[../c:type='followup.summoned']/c:questions"><statusfragor><xsl:for-each select="c:item"><statusfraga><xsl:apply-templates/></statusfraga></xsl:for-each></statusfragor></xsl:template>
  <xsl:template match="c:content[../c:type='followup.held']/c:goals"><maluppfyllelse><xsl:for-each select="c:item"><malstatus><xsl:apply-templates/></malstatus></xsl:for-each></maluppfyllelse></xsl:template>
  <xsl:template match="c:content[../c:type='followup.held']/c:activities"><insatslagen><xsl:for-each select="c:item"><insatslage><xsl:apply-templates/></insatslage></xsl:for-each></insatslagen></xsl:template>
</xsl:stylesheet>
