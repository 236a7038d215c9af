//! The table of labels of a packed profile: its texts, once each, in the order of their first use.

use std::{cell::Cell, collections::HashMap};

use bytes::Buf as _;
use prost::encoding::{WireType, decode_key, decode_varint};

use crate::{
    domain::{money::Currency, text::Label},
    store::{codes, error::StoreError},
};

/// The field of the table in the message.
const TAG: u32 = 1;

/// The table as it grows while a profile is packed. A place is a number from 1 on; 0 is no label.
#[derive(Default)]
pub(super) struct LabelTable {
    texts: Vec<String>,
    places: HashMap<Label, u32>,
}

impl LabelTable {
    pub(super) fn place(&mut self, label: &Label) -> u32 {
        if let Some(&place) = self.places.get(label) {
            return place;
        }
        self.texts.push(label.to_string());
        let place = u32::try_from(self.texts.len()).unwrap_or(0);
        self.places.insert(label.clone(), place);
        place
    }

    pub(super) fn text(&mut self, text: &str) -> u32 {
        match self.places.get(text) {
            Some(&place) => place,
            None => self.place(&Label::from(text)),
        }
    }

    pub(super) fn into_texts(self) -> Vec<String> {
        self.texts
    }
}

/// The table while a profile is unpacked.
pub(super) struct Labels {
    labels: Vec<Label>,
    /// The currency that was asked for last, by its place: most customers have one, and looking a code up takes longer than all else that an
    /// entry takes.
    currency: Cell<Option<(u32, Currency)>>,
}

impl Labels {
    /// Reads the labels in front of a packed profile, where it is packed with them, and moves `bytes` to behind them: each becomes what it
    /// is held as without being a text of its own first.
    pub(super) fn take_from(bytes: &mut &[u8]) -> Result<Self, StoreError> {
        let corrupt = |error| StoreError::corrupt("packed profile", error);
        let mut labels = vec![];
        loop {
            let mut rest = *bytes;
            if rest.is_empty()
                || decode_key(&mut rest).map_err(corrupt)? != (TAG, WireType::LengthDelimited)
            {
                break;
            }
            let length = decode_varint(&mut rest).map_err(corrupt)?;
            let text = usize::try_from(length)
                .ok()
                .and_then(|length| rest.get(..length));
            let text = text.ok_or_else(|| StoreError::corrupt("label", "is cut off"))?;
            let label =
                str::from_utf8(text).map_err(|error| StoreError::corrupt("label", error))?;
            labels.push(label.into());
            rest.advance(text.len());
            *bytes = rest;
        }
        Ok(Self {
            labels,
            currency: Cell::default(),
        })
    }

    /// Adds labels that stood elsewhere.
    pub(super) fn extend(&mut self, texts: Vec<String>) {
        self.labels.extend(texts.into_iter().map(Label::from));
    }

    pub(super) fn optional(&self, place: u32) -> Result<Option<Label>, StoreError> {
        Ok(self.find(place)?.cloned())
    }

    pub(super) fn required(&self, place: u32) -> Result<Label, StoreError> {
        self.optional(place)?
            .ok_or_else(|| StoreError::corrupt("label", "is missing"))
    }

    pub(super) fn optional_currency(&self, place: u32) -> Result<Option<Currency>, StoreError> {
        if let Some((last, currency)) = self.currency.get()
            && last == place
        {
            return Ok(Some(currency));
        }
        let Some(code) = self.find(place)? else {
            return Ok(None);
        };
        let currency = codes::currency(code)?;
        self.currency.set(Some((place, currency)));
        Ok(Some(currency))
    }

    pub(super) fn currency(&self, place: u32) -> Result<Currency, StoreError> {
        self.optional_currency(place)?
            .ok_or_else(|| StoreError::corrupt("currency", "is missing"))
    }

    fn find(&self, place: u32) -> Result<Option<&Label>, StoreError> {
        let Some(at) = place.checked_sub(1) else {
            return Ok(None);
        };
        let label = self.labels.get(at as usize);
        label
            .map(Some)
            .ok_or_else(|| StoreError::corrupt("label", place))
    }
}
