//! How a number was read, as a message.

use crate::{
    domain::telephony::{
        METADATA_VERSION,
        caller::Origin,
        plan::{NumberForm, NumberReading, Reading},
    },
    pb,
    service::answer::route::NumberRead,
};

pub(super) fn number_message(read: &NumberRead) -> pb::CallerNumber {
    let source = match read.origin {
        Origin::Given => pb::CallerSource::Number,
        Origin::AssertedIdentity => pb::CallerSource::AssertedIdentity,
        Origin::RemotePartyId => pb::CallerSource::RemotePartyId,
        Origin::From => pb::CallerSource::From,
    };
    let message = pb::CallerNumber {
        number_plan: read.plan.to_string(),
        source: source.into(),
        metadata_version: METADATA_VERSION.to_owned(),
        ..Default::default()
    };
    match &read.reading {
        Ok(Reading::Number(reading)) => pb::CallerNumber {
            e164: reading.number.as_str().to_owned(),
            form: form(reading).into(),
            extension: reading.extension.as_deref().unwrap_or_default().to_owned(),
            is_valid: reading.is_valid,
            ..message
        },
        Ok(Reading::Ambiguous(readings)) => {
            let readings = readings.iter().map(|it| it.number.as_str().to_owned());
            pb::CallerNumber {
                readings: readings.collect(),
                ..message
            }
        }
        Ok(Reading::Withheld) => message,
        Err(error) => pb::CallerNumber {
            error: error.to_string(),
            ..message
        },
    }
}

fn form(reading: &NumberReading) -> pb::NumberForm {
    match reading.form {
        NumberForm::Plus => pb::NumberForm::Plus,
        NumberForm::InternationalPrefix => pb::NumberForm::InternationalPrefix,
        NumberForm::WithoutPlus => pb::NumberForm::WithoutPlus,
        NumberForm::National(_) => pb::NumberForm::National,
    }
}
