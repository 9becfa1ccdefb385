<?xml version="1.0" encoding="UTF-8"?>
<!--
  From the hub's canonical message to an actualisation with an attached document, un-namespaced, as the APIs of Lifecare's kind take it.
  Structure only: which type of actualisation a message becomes is in codes.csv, because every tenant has codes of its own.

  In:  the neutral XML of a message (namespace urn:siphub:canonical:1) with Swedish times and the message as PDF for people.
  Out: Actualisation. The message itself is the attached document: what the system has no field for is there and nowhere else.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:c="urn:siphub:canonical:1" exclude-result-prefixes="c">
  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <xsl:template match="/c:message">
    <Actualisation>
      <PersonId><xsl:value-of select="c:subject/c:identity/c:value"/></PersonId>
      <Date><xsl:value-of select="substring(c:sent_at/@local, 1, 10)"/></Date>
      <Type c:codes="actualisation-type"><xsl:value-of select="c:type"/></Type>
      <FromWho><xsl:value-of select="c:sender/c:unit"/></FromWho>
      <Reason c:codes="reason"><xsl:value-of select="c:type"/></Reason>
      <ExternalId><xsl:value-of select="c:message_id"/></ExternalId>
      <Attachments>
        <Attachment>
          <InsertDocumentType c:codes="document-type"><xsl:value-of select="c:type"/></InsertDocumentType>
          <InsertDocumentSenderType c:codes="sender-type">sip</InsertDocumentSenderType>
          <Title c:codes="reason"><xsl:value-of select="c:type"/></Title>
          <SenderName><xsl:value-of select="c:sender/c:unit"/></SenderName>
          <MediaType><xsl:value-of select="c:rendered[@form='pdf']/@media_type"/></MediaType>
          <Content><xsl:value-of select="c:rendered[@form='pdf']"/></Content>
        </Attachment>
      </Attachments>
    </Actualisation>
  </xsl:template>
</xsl:stylesheet>
