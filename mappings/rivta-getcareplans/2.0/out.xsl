<?xml version="1.0" encoding="UTF-8"?>
<!--
  From the hub's canonical message to RIV-TA's GetCarePlans 2.0: the answer that a producer gives for one plan. Structure only.

  In:  the neutral XML of a message (namespace urn:siphub:canonical:1) with Swedish times and the plan as text for people.
  Out: GetCarePlansResponse. The contract is document oriented: the plan itself is the text, in base64; around it stand whose it is,
       who answers for it, and that it is a SIP. What the contract has no place for is in the text and nowhere else.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:c="urn:siphub:canonical:1"
                xmlns="urn:riv:clinicalprocess:logistics:logistics:3"
                xmlns:r="urn:riv:clinicalprocess:logistics:logistics:GetCarePlansResponder:2">
  <xsl:output method="xml" encoding="UTF-8" indent="no"/>

  <xsl:template match="/c:message">
    <r:GetCarePlansResponse>
      <r:carePlan>
        <carePlanHeader>
          <documentId><xsl:value-of select="c:content/c:plan/c:id"/></documentId>
          <sourceSystemHSAId><xsl:value-of select="c:sender/c:unit"/></sourceSystemHSAId>
          <documentTitle>Samordnad individuell plan</documentTitle>
          <documentTime><xsl:apply-templates select="c:sent_at" mode="time"/></documentTime>
          <patientId>
            <id><xsl:value-of select="c:subject/c:identity/c:value"/></id>
            <type c:codes="identity"><xsl:value-of select="c:subject/c:identity/c:kind"/></type>
          </patientId>
          <accountableHealthcareProfessional>
            <authorTime><xsl:apply-templates select="c:sent_at" mode="time"/></authorTime>
            <xsl:if test="c:author/c:name"><healthcareProfessionalName><xsl:value-of select="c:author/c:name"/></healthcareProfessionalName></xsl:if>
            <healthcareProfessionalOrgUnit><orgUnitHSAId><xsl:value-of select="c:sender/c:unit"/></orgUnitHSAId></healthcareProfessionalOrgUnit>
          </accountableHealthcareProfessional>
          <!-- Whoever has protected identity must not be shown to a guardian in 1177 by us: where anybody is protected, a person decides. -->
          <approvedForPatient><xsl:value-of select="not(//c:protection)"/></approvedForPatient>
        </carePlanHeader>
        <carePlanBody>
          <content>
            <mediaType><xsl:value-of select="c:rendered[@form='text']/@media_type"/></mediaType>
            <value><xsl:value-of select="c:rendered[@form='text']"/></value>
          </content>
          <xsl:for-each select="c:content/c:plan/c:activities/c:item/c:responsible[c:kind='region']/c:unit[starts-with(., 'SE')]">
            <xsl:if test="not(. = ../../preceding-sibling::c:item/c:responsible[c:kind='region']/c:unit)">
              <participatingCareUnitHSAId><root>1.2.752.129.2.1.4.1</root><extension><xsl:value-of select="."/></extension></participatingCareUnitHSAId>
            </xsl:if>
          </xsl:for-each>
          <typeOfCarePlanEnum c:codes="plan-type"><xsl:value-of select="c:type"/></typeOfCarePlanEnum>
        </carePlanBody>
      </r:carePlan>
      <r:result>
        <resultCode>OK</resultCode>
        <logId><xsl:value-of select="c:message_id"/></logId>
      </r:result>
    </r:GetCarePlansResponse>
  </xsl:template>

  <!-- YYYYMMDDhhmmss, Swedish time -->
  <xsl:template match="*" mode="time"><xsl:value-of select="translate(@local, '-:T', '')"/></xsl:template>
</xsl:stylesheet>
